import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomParameters, severalExits, smallNetwork } from '../../test/small-network.js';
import { deployedState, exactDepthwiseSteps, exactSteps, sharedKernels } from './deployed.js';
import { createNetwork } from './zoo/index.js';

const network = smallNetwork(false);
const KERNEL = 'branch.fc2.kernel';
const state = randomParameters(network, 1);
const { shape } = state[KERNEL];
const [inputs, units] = shape;
const withKernel = (values: Float32Array) => ({ ...state, [KERNEL]: { shape, values } });
const deployed = (values: Float32Array) => deployedState(network, withKernel(values))[KERNEL].values;
const large = Math.fround(1e29);
const finite = { noNaN: true, min: -large, max: large, minLength: inputs * units, maxLength: inputs * units };
const kernels = fc.oneof(
  fc.float32Array(finite),
  fc.float32Array({ ...finite, min: -2, max: 2 }),
  fc.float32Array({ ...finite, min: -(2 ** -135), max: 2 ** -135 }),
);

describe('the deployed state', () => {
  it("has the branch's last kernel in steps, every other array as it was", () => {
    const { [KERNEL]: kernel, ...others } = deployedState(network, state);
    const { [KERNEL]: trained, ...before } = state;
    for (const name of Object.keys(before)) expect(others[name]).toBe(before[name]);
    expect(kernel.values).not.toEqual(trained.values);
  });

  it('is at most half a step of its unit from the trained one, and no unit has more than 63 values', () => {
    fc.assert(
      fc.property(kernels, (values) => {
        const result = deployed(values);
        for (let unit = 0; unit < units; unit++) {
          const own = (kernel: Float32Array) => kernel.filter((_, i) => i % units === unit);
          const largest = own(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          // The scale is rounded up to 16 bits, or to a multiple of 2^-141 where floats are that small.
          const half = (largest / 31) * (0.5 + 2 ** -15) + 2 ** -141;
          for (const [i, value] of own(result).entries())
            expect(Math.abs(value - own(values)[i])).toBeLessThanOrEqual(half);
          expect(new Set(own(result)).size).toBeLessThanOrEqual(63);
        }
      }),
    );
  });

  it('is exact in steps, and deployed again the same', () => {
    fc.assert(
      fc.property(kernels, (values) => {
        const once = deployed(values);
        const { steps, scales } = exactSteps(once, units)!;
        steps.forEach((step, i) => {
          expect(Math.abs(step)).toBeLessThanOrEqual(31);
          expect(Math.fround(step * scales[i % units]) === once[i]).toBe(true);
        });
        expect(deployed(once).every((value, i) => value === once[i])).toBe(true);
      }),
    );
  });

  it('has the last kernel of every exit in steps', () => {
    const three = severalExits(3);
    const deployed = deployedState(three, randomParameters(three, 1));
    for (const branch of ['branch', 'branch2', 'branch3']) {
      const [name] = Object.keys(deployed)
        .filter((key) => key.startsWith(`${branch}.`) && key.endsWith('.kernel'))
        .slice(-1);
      expect(exactSteps(deployed[name].values, three.classes), name).toBeDefined();
    }
  });

  it('has the kernels of all shared layers in 8 bits with sharedBits 8, filter by filter, and no other float', () => {
    const options = { width: 0.1, attach: 'stage3-1', sharedBits: 8 };
    const shared = createNetwork('mobilenet-v2', [24, 24, 3], 5, options);
    const trained = randomParameters(shared, 1);
    const result = deployedState(shared, trained);
    const changed = Object.keys(trained).filter((name) => result[name] !== trained[name]);
    expect(changed).toEqual([...sharedKernels(shared).map(({ name }) => name), 'branch.fc.kernel']);
    expect(changed.length).toBeGreaterThan(10);
    for (const { placed, name, filters } of sharedKernels(shared)) {
      const isDepthwise = placed.layer.type === 'depthwise-conv2d';
      const stepped = (isDepthwise ? exactDepthwiseSteps : exactSteps)(result[name].values, filters);
      expect(stepped, name).toBeDefined();
      for (let filter = 0; filter < filters; filter++) {
        const own = (kernel: Float32Array) => kernel.filter((_, i) => i % filters === filter);
        const before = own(trained[name].values);
        const steps = stepped!.steps.filter((_, i) => i % filters === filter).map(Math.abs);
        const most = steps.reduce((a, b) => Math.max(a, b));
        if (isDepthwise) expect(steps.reduce((sum, step) => sum + step, 0)).toBeLessThanOrEqual(258);
        const largest = before.reduce((all, value) => Math.max(all, Math.abs(value)), 0);
        const half = (largest / (isDepthwise ? most : 127)) * (0.5 + 2 ** -15);
        for (const [i, value] of own(result[name].values).entries())
          expect(Math.abs(value - before[i])).toBeLessThanOrEqual(half);
      }
    }
    expect(deployedState(shared, result)).toEqual(result);
  });

  it('leaves a kernel that is not in steps to travel as it is', () => {
    expect(exactSteps(state[KERNEL].values, units)).toBeUndefined();
  });

  it.each([Number.NaN, Number.NEGATIVE_INFINITY, 2e30])('is refused where a weight is %d', (wrong) => {
    const values = state[KERNEL].values.slice();
    values[4] = wrong;
    expect(() => deployed(values)).toThrow(
      /^branch.fc2.kernel: expected weights up to 1e30, found (NaN|-Infinity|2\.0)/,
    );
  });
});
