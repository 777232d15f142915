/**
 * Compares the builds of the kernels with each other, in Node: `npm run bench:kernel-builds`. It takes the processor time of
 * this process instead of the time on the clock, so that it can run on a busy machine. Calls of all builds alternate.
 */

import { type Kernels, loadKernels } from '../../kernels/harness.js';
import { median } from '../../src/base/statistics.js';
import { writeResult } from '../results.js';
import { KERNEL_CASES, type KernelCase } from './kernel-cases.js';
import { liteLayers } from './lite-layers.js';

const BUILDS = ['relaxed-simd', 'simd', 'scalar'] as const;
const ROUNDS = 60;
/** A sample repeats calls for this long. */
const SAMPLE_MS = 8;

const kernels = BUILDS.map((build) => loadKernels(build));

/** A call of one kernel on values that don't matter. */
function callOf(wasm: Kernels, { kernel, args }: KernelCase): () => void {
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.random() * 256);
  const numbers = args.map((arg) => {
    if (arg === null || typeof arg === 'number') return arg ?? 0;
    if ('floats' in arg) return wasm.place(Float32Array.from({ length: arg.floats }, () => Math.random() - 0.5));
    if ('bits' in arg) return wasm.place(bytes(arg.bits));
    if ('levels' in arg) return wasm.place(bytes(arg.levels + 16).map((byte) => byte & 127));
    if ('weights8' in arg) {
      const count = arg.weights8.reduce((all, size) => all * size, arg.weights8[0]);
      return wasm.place(wasm.prepare(kernel, bytes(count), ...arg.weights8));
    }
    const rowBytes = Math.ceil(arg.weights[arg.weights.length - 1] / 8);
    const length = arg.weights.slice(0, -1).reduce((rows, size) => rows * size, rowBytes);
    return wasm.place(wasm.prepare(kernel, bytes(length), ...arg.weights));
  });
  const run = wasm.kernel(kernel);
  return () => run(...numbers);
}

const milliseconds = (): number => process.cpuUsage().user / 1000;

/** Medians of the processor milliseconds of a call, one for each build. */
function timesOf(kernelCase: KernelCase): number[] {
  const runs = kernels.map((wasm) => callOf(wasm, kernelCase));
  const calls = runs.map(() => 1);
  const times: number[][] = runs.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of runs.entries()) {
      const start = milliseconds();
      for (let call = 0; call < calls[i]; call++) run();
      const spent = milliseconds() - start;
      // The first rounds warm up and find the number of calls.
      if (round >= ROUNDS / 3) times[i].push(spent / calls[i]);
      else calls[i] = Math.max(1, Math.round((calls[i] * SAMPLE_MS) / Math.max(spent, 0.05)));
    }
  }
  return times.map(median);
}

const LITE_CASES = liteLayers().map(({ title, levels, peer }) => ({ title, ...levels, peer, operations: 0, goal: 1 }));

const rows = [...KERNEL_CASES, ...LITE_CASES].map((kernelCase) => {
  const [relaxed, simd, scalar] = timesOf(kernelCase);
  const row = [kernelCase.title, simd / relaxed, scalar / relaxed];
  console.log(row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell.padEnd(45))).join('  '));
  return row;
});
writeResult('kernel-builds', {
  command: 'npm run bench:kernel-builds',
  note: 'Processor time in Node, on a machine that was busy with other work.',
  tables: {
    builds: {
      columns: [{ title: 'layer' }, { title: 'SIMD', digits: 2 }, { title: 'scalar', digits: 1 }],
      rows,
    },
  },
});
