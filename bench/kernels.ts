/**
 * Times every kernel call of LeNet's branch, SIMD128 against scalar, in alternation: `npm run bench:kernels`.
 * Prints the median microseconds of a call; `--prebuilt FOLDER` times other builds than those in kernels/prebuilt/.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { BUILDS, type Build, type Kernels, loadKernels } from '../kernels/harness.js';
import { normal, random } from '../src/base/random.js';
import { median } from './median.js';

const WARM_UP_MS = 500;
const ROUNDS = 100;
const CALLS = 20;
const next = random(1);

const floats = (count: number): Float32Array => Float32Array.from({ length: count }, () => normal(next));
const bits = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => next() * 256);
const weights = (...shape: number[]) => ({
  shape,
  bytes: bits(shape.slice(0, -1).reduce((rows, size) => rows * size, Math.ceil(shape.at(-1)! / 8))),
});

type Argument = number | Float32Array | Uint8Array | ReturnType<typeof weights> | null;

// Inputs need not be one another's outputs: no kernel's time depends on the values.
const BRANCH: readonly { label: string; kernel: string; args: readonly Argument[] }[] = [
  {
    label: 'conv1 5x5, 28x28x1 to 24x24x20',
    kernel: 'conv2d_f32',
    args: [floats(784), floats(500), floats(20), floats(11520), 28, 28, 1, 20, 5, 1, 0, 0, 24, 24],
  },
  {
    label: 'pool 2, 24x24x20',
    kernel: 'max_pool_f32',
    args: [floats(11520), floats(2880), 24, 24, 20, 2, 2, 0, 0, 12, 12],
  },
  {
    label: 'sign 12x12x20',
    kernel: 'sign_pack',
    args: [floats(2880), floats(20), floats(20), bits(432), 2880, 20, 20],
  },
  {
    label: 'binary conv 5x5, 12x12x20 to 8x8x50',
    kernel: 'binary_conv2d',
    args: [
      bits(432),
      weights(50, 25, 20),
      null,
      floats(50),
      floats(50),
      floats(50),
      floats(3200),
      bits(3 + 5 * 12 * 11),
      12,
      12,
      20,
      50,
      5,
      1,
      0,
      0,
      8,
      8,
    ],
  },
  { label: 'pool 2, 8x8x50', kernel: 'max_pool_f32', args: [floats(3200), floats(800), 8, 8, 50, 2, 2, 0, 0, 4, 4] },
  { label: 'sign 800', kernel: 'sign_pack', args: [floats(800), floats(50), floats(50), bits(100), 800, 50, 800] },
  {
    label: 'binary dense 800 to 500',
    kernel: 'binary_dense',
    args: [bits(100), weights(500, 800), null, floats(500), floats(500), floats(500), floats(500), 800, 500],
  },
  { label: 'dense 500 to 10', kernel: 'dense_f32', args: [floats(500), floats(5000), floats(10), floats(10), 500, 10] },
  { label: 'softmax and entropy, 10', kernel: 'softmax_entropy', args: [floats(10), floats(10), 10] },
];

function bind(kernels: Kernels, kernel: string, args: readonly Argument[]): () => void {
  const numbers = args.map((arg) => {
    if (typeof arg === 'number' || arg === null) return arg ?? 0;
    return kernels.place('shape' in arg ? kernels.prepare(kernel, arg.bytes, ...arg.shape) : arg);
  });
  const run = kernels.kernel(kernel);
  return () => run(...numbers);
}

function microseconds(run: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) run();
  return Number(process.hrtime.bigint() - start) / 1000 / CALLS;
}

const { values: flags } = parseArgs({ options: { prebuilt: { type: 'string' } } });
const folder = flags.prebuilt === undefined ? undefined : pathToFileURL(`${flags.prebuilt}/`);
const builds = BUILDS.map((build) => [build, loadKernels(build, folder)] as const);
const total = new Map<Build, number>(BUILDS.map((build) => [build, 0]));
const line = (label: string, simd: number, scalar: number): void =>
  console.log(
    `${label.padEnd(38)} ${simd.toFixed(2).padStart(9)} ${scalar.toFixed(2).padStart(9)} ${(scalar / simd).toFixed(1).padStart(7)}x`,
  );

console.log(
  `${'microseconds, median'.padEnd(38)} ${'simd'.padStart(9)} ${'scalar'.padStart(9)} ${'ratio'.padStart(8)}`,
);
for (const { label, kernel, args } of BRANCH) {
  const runs = builds.map(([build, kernels]) => ({ build, run: bind(kernels, kernel, args), times: [] as number[] }));
  // V8 swaps the optimised code in while a function is running hot.
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) {
    for (const { run } of runs) run();
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, times } of runs) times.push(microseconds(run));
  }
  const [simd, scalar] = runs.map(({ build, times }) => {
    const time = median(times);
    total.set(build, total.get(build)! + time);
    return time;
  });
  line(label, simd, scalar);
}
line('branch', total.get('simd')!, total.get('scalar')!);
