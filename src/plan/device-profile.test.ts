import { expect, it } from 'vitest';
import { lowerBranch } from '../export/lower.js';
import { networkCost } from '../network/cost.js';
import { createNetwork } from '../network/zoo/index.js';
import { initialState } from '../train/initial-state.js';
import { calibratedRates, callMsOf, type DeviceProfile, kindOfKernel, requestMsOf } from './device-profile.js';
import { LAYER_KINDS, layersMs, workOf } from './layer-times.js';
import { MEASURED_RATES } from './measured-rates.js';

const network = createNetwork('lenet', [28, 28, 1], 10);
const layers = networkCost(network).layers.filter(({ part }) => part !== 'full');
const { calls } = lowerBranch(network, initialState(network, 'momentum', 1));
const rates = MEASURED_RATES.device;

/** Steps of that branch, all as long. */
const profile = (milliseconds: number, branchMs: number): DeviceProfile => ({
  branchMs: [branchMs],
  answerMs: [branchMs + 0.25],
  edgeMs: [7],
  loadMs: 30,
  steps: calls.map(({ kernel }) => ({ kernel, milliseconds })),
});

it('gives the time that was measured for the branch that was measured', () => {
  const calibrated = calibratedRates(profile(0.02, 0.5), layers, rates, 'device.json');
  expect(layersMs(layers, calibrated)).toBeCloseTo(0.5, 9);
});

it('has as many layers of each kind as the device program has kernels', () => {
  for (const kind of LAYER_KINDS.filter((kind) => kind !== 'other')) {
    const works = layers.flatMap(workOf).filter((work) => work.kind === kind);
    expect(works).toHaveLength(calls.filter(({ kernel }) => kindOfKernel(kernel) === kind).length);
  }
});

it('scales what was not measured as the whole', () => {
  const calibrated = calibratedRates(profile(0.02, 0.5), layers, rates, 'device.json');
  const overall = 0.5 / layersMs(layers, rates);
  const { operation } = rates['depthwise-conv2d'];
  expect(calibrated['depthwise-conv2d'].operation / operation).toBeCloseTo(overall, 9);
});

it('refuses the steps of another branch', () => {
  const other = networkCost(createNetwork('lenet', [28, 28, 1], 10, { branch: { conv: 0, fc: 1 } })).layers;
  expect(() => calibratedRates(profile(0.02, 0.5), other, rates, 'device.json')).toThrow(
    /^device.json: expected the steps of this branch \(\d+ of \S+\), found \d+; measure a bundle of this network/,
  );
});

it('takes calls and requests from whole answers', () => {
  expect(callMsOf(profile(0.02, 0.5))).toBeCloseTo(0.25, 9);
  expect(requestMsOf(profile(0.02, 0.5), 3)).toBe(4);
  expect(requestMsOf({ ...profile(0.02, 0.5), edgeMs: undefined }, 3)).toBeUndefined();
});
