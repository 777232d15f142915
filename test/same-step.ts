import { expect } from 'vitest';
import type { NamedArrays } from '../src/base/tensors.js';
import type { JointNetwork } from '../src/network/layers.js';
import { expectClose, largest, type StepStart } from './one-step.js';
import { randomParameters } from './small-network.js';

/** Of gradients: batch normalisation of a few values, dozens deep, makes more of rounding than the small networks do. */
export const ZOO_TOLERANCE = 1e-3;
const PARAMETER_TOLERANCE = 1e-4;

/**
 * Passes where one of a few starts passes. Of the many values before a sign or a (P)ReLU in a deep network, one may lie
 * so near to 0 that rounding turns it over in one engine alone: from that start gradients differ, though both engines are
 * right. An engine that is wrong differs from every start.
 */
export async function fromOneStart(
  network: JointNetwork,
  check: (start: Required<Pick<StepStart, 'parameters'>> & StepStart) => Promise<void>,
  starts = 4,
): Promise<void> {
  for (let seed = 1; ; seed++) {
    const start = { network, optimizer: 'momentum', slots: 'cold', seed, parameters: trained(network, seed) } as const;
    try {
      return await check(start);
    } catch (difference) {
      if (seed === starts) throw difference;
    }
  }
}

/** Random parameters with gammas about 1 and betas about 0, as training leaves them: few channels are dead. */
function trained(network: JointNetwork, seed: number): NamedArrays {
  const state = randomParameters(network, seed);
  for (const [name, array] of Object.entries(state)) {
    if (name.endsWith('.gamma')) array.values.set(array.values.map((gamma) => 1 + (gamma - 1) / 5));
    if (name.endsWith('.beta')) array.values.set(array.values.map((beta) => beta / 2));
  }
  return state;
}

/**
 * Compares what a step left. A bias or beta before batch normalisation has a gradient of 0 in theory, and of nothing but
 * rounding in every engine: so gradients, which the slots hold, are compared relative to the largest of their layer.
 */
export function expectSameState(ours: NamedArrays, truth: NamedArrays): void {
  expect(Object.keys(ours).sort()).toEqual(Object.keys(truth).sort());
  const gradients = new Map<string, number>();
  for (const [name, { values }] of Object.entries(truth)) {
    if (!isGradientSlot(name)) continue;
    gradients.set(layerOf(name), Math.max(gradients.get(layerOf(name)) ?? 0, largest(values)));
  }
  for (const [name, { values }] of Object.entries(truth)) {
    const isGradient = isGradientSlot(name);
    const size = isGradient ? gradients.get(layerOf(name))! : largest(values);
    expect(size, name).toBeGreaterThan(0);
    expectClose(ours[name].values, values, isGradient ? ZOO_TOLERANCE : PARAMETER_TOLERANCE, name, size);
  }
}

/** Velocities and moments; `raw` holds weights. */
const isGradientSlot = (name: string): boolean => /^optimizer\.(?!raw\.)/.test(name);

/** `part.layer` of `part.layer.parameter` or of its slot. */
const layerOf = (name: string): string => name.split('.').slice(-3, -1).join('.');
