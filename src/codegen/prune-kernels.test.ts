import { describe, expect, it } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { pruneKernels } from './prune-kernels.js';

describe.each(BUILDS)('the %s build without the kernels that a page never calls', (build) => {
  const file = `lcdnn-${build}.wasm`;
  const whole = readKernels(build);

  it('is the whole build if all are used', () => {
    expect(
      Buffer.compare(
        pruneKernels(file, () => true),
        whole,
      ),
    ).toBe(0);
  });

  it('has the others, which still work, and is smaller', () => {
    const pruned = new Uint8Array(pruneKernels(file, (name) => name === 'lcdnn_softmax_entropy'));
    expect(pruned.length).toBeLessThan(whole.length / 4);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(pruned));
    expect(Object.keys(exports).sort()).toEqual(['__heap_base', 'lcdnn_softmax_entropy', 'memory']);
    const memory = exports.memory as WebAssembly.Memory;
    const at = Math.ceil((exports.__heap_base as WebAssembly.Global).value / 16) * 16;
    const values = new Float32Array(memory.buffer, at, 6);
    values.set([1, 1, 1]);
    const entropy = (exports.lcdnn_softmax_entropy as (...args: number[]) => number)(at, at + 12, 3);
    expect(entropy).toBeCloseTo(1, 6);
    expect([...values.slice(3)].map((value) => value.toFixed(4))).toEqual(['0.3333', '0.3333', '0.3333']);
  });
});
