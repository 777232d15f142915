import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { incompressibleState } from '../../benchmarks/table-1.js';
import { exitsProgram, LABELS, program, SIZE, tinyDraft } from '../../test/tiny-bundle.js';
import { zooDraft, zooEncoding } from '../../test/zoo-bundle.js';
import { decodeSafetensors } from '../base/safetensors.js';
import { pageManifest } from '../bundle/manifest.js';
import { completeManifest } from '../bundle/write-bundle.js';
import { lowerBranch } from '../export/lower.js';
import { type DeviceProgram, type KernelCall, programFloats, stagesOf } from '../export/program.js';
import { deployedState } from '../network/deployed.js';
import { createNetwork } from '../network/zoo/index.js';
import { initialState } from '../train/initial-state.js';
import { type BundleInfo, generateBundle } from './generate-bundle.js';
import { compact, withParts } from './loader-scripts.js';
import { printLoader } from './print-program.js';
import { encodeWeights } from './weights.js';

const NO_TAIL = { model: new Uint8Array(), input: 'shared', output: 'logits' };
const template = withParts('lcdnn.js');

/** The calls in a printed loader, of all stages. */
function callsIn(printed: string): unknown[] {
  const [, data] = /=(\{"?name.*?\]\]\}\]\})/s.exec(printed)!;
  const { stages } = new Function(`return ${data}`)() as { stages: { calls: unknown[] }[] };
  return stages.flatMap(({ calls }) => calls);
}

const printedArgument = (arg: KernelCall['args'][number]) =>
  typeof arg === 'object' ? (arg && ('arena' in arg ? [arg.arena] : arg.constant)) || 0 : arg;

describe('the printed loader', () => {
  it('is the template with the program in it, without comments, the same every time', () => {
    const printed = printLoader(template, program, 'tiny');
    expect(printed).toBe(printLoader(template, program, 'tiny'));
    expect(printed).not.toMatch(/^\s*\/\/|<program>|^$\n|\beval\(|new Function/m);
    expect(callsIn(printed)).toEqual(program.calls.map(({ kernel, args }) => [kernel, ...args.map(printedArgument)]));
  });

  const call = (kernel: KernelCall['kernel'], args: KernelCall['args']) => ({ ...program, calls: [{ kernel, args }] });
  it.each<[string, DeviceProgram, RegExp]>([
    ['too few arguments', call('dense_f32', [1, 2]), /dense_f32 takes 6 arguments, the program gives 2/],
    [
      'a constant that is not there',
      call('dense_f32', [{ constant: 'toString' }, 0, 0, 0, 0, 0]),
      /no constant toString/,
    ],
    [
      'a place outside the arena',
      call('dense_f32', [{ arena: program.arenaBytes }, 0, 0, 0, 0, 0]),
      /outside the arena/,
    ],
    ['a place before the arena', call('dense_f32', [{ arena: -16 }, 0, 0, 0, 0, 0]), /outside the arena/],
    ['half a number', call('dense_f32', [0.5, 0, 0, 0, 0, 0]), /whole number, not 0\.5/],
    ['NaN', call('dense_f32', [Number.NaN, 0, 0, 0, 0, 0]), /whole number, not NaN/],
  ])('is not printed from a program with %s', (_, wrong, reason) => {
    expect(() => printLoader(template, wrong, 'tiny')).toThrow(reason);
  });

  it('is not printed into a text that has no place for it', () => {
    expect(() => printLoader('export const load = 1;', program, 'tiny')).toThrow('no <program> block');
  });
});

it('the printed loader has the calls of every stage', () => {
  const printed = printLoader(template, exitsProgram, 'tiny');
  const calls = stagesOf(exitsProgram).flatMap((stage) => stage.calls);
  expect(callsIn(printed)).toHaveLength(calls.length);
});

const brotli = (script: string) => brotliCompressSync(script).length;

it('what a page fetches of scripts for LeNet is at most 10 KB: loader, Worker and edge, brotli', () => {
  const own = generateBundle(program, { ...tinyDraft().manifest, tail: NO_TAIL, samples: [] }).files;
  const scripts = ['lcdnn.js', 'lcdnn-worker.js', 'lcdnn-edge.js'].map((file) => String(own.get(file)));
  expect(scripts.reduce((sum, script) => sum + brotli(script), 0)).toBeLessThanOrEqual(10 * 1024);
});

// 64 KB are weights, most of them signs that can't be compressed.
it('what a page fetches for LeNet before its first answer is at most 80 KB in all, 14.5 KB of scripts and kernels', () => {
  const network = createNetwork('lenet', [28, 28, 1], 10);
  const state = deployedState(network, { ...initialState(network, 'momentum', 1), ...incompressibleState(network) });
  const draft = zooDraft(network, state, 0.5, zooEncoding(network, state, 'u8'));
  const scripts = ['lcdnn.js', 'lcdnn-worker.js', 'lcdnn-relaxed-simd.wasm'].map((file) => draft.files.get(file)!);
  const bytes = scripts.reduce((sum, file) => sum + brotliCompressSync(file).length, 0);
  const weights = brotliCompressSync(draft.files.get('weights.safetensors')!).length;
  const manifest = brotli(JSON.stringify(pageManifest(completeManifest(draft))));
  expect(bytes).toBeLessThanOrEqual(14_500);
  expect(bytes + weights + manifest).toBeLessThanOrEqual(80_000);
});

it('the loader alone is at most 6.5 KB, brotli, for the longest program too', () => {
  const network = createNetwork('resnet18', [224, 224, 3], 10, { width: 0.1 });
  const state = deployedState(network, initialState(network, 'momentum', 1));
  const printed = printLoader(template, lowerBranch(network, state), 'resnet18');
  expect(brotli(printed)).toBeLessThanOrEqual(6.5 * 1024);
});

it.each([
  ['lcdnn-edge.js', 3],
  ['lcdnn-stream.js', 1.1],
  ['lcdnn-worker.js', 3],
  ['lcdnn-first.js', 5.5],
  ['lcdnn-resize.js', 1.6],
])('%s, which comes later, is at most %d KB, brotli', (file, most) => {
  expect(brotli(compact(withParts(file)))).toBeLessThanOrEqual(most * 1024);
});

it.each(['lcdnn-first.js', 'lcdnn-resize.js'])('%s imports nothing, so that bundlers may copy it as it is', (file) => {
  expect(compact(withParts(file))).not.toMatch(/\bimport\b/);
});

it('the Worker imports nothing and exports nothing, so that it may be copied as it is', () => {
  expect(compact(withParts('lcdnn-worker.js'))).not.toMatch(/\bimport\b|\bexport\b/);
});

it('what bundlers for browsers look at has no name of a module of Node in an import', () => {
  const files = [
    'lcdnn.js',
    'lcdnn-worker.js',
    'lcdnn-edge.js',
    'lcdnn-stream.js',
    'lcdnn-first.js',
    'lcdnn-resize.js',
  ];
  for (const file of files) {
    const script = compact(withParts(file));
    expect(script).not.toMatch(/import\(\s*["'`]|require\(/);
    const imports = script.match(/\bimport\([^)]*\)/g) ?? [];
    for (const one of imports) expect(one).toMatch(/webpackIgnore: true.*turbopackIgnore: true.*@vite-ignore/s);
  }
});

describe('the weights', () => {
  /** The floats of a file, put together from their four bytes. */
  const floatsIn = (file: Uint8Array): number[] => {
    const { dtype, shape, bytes } = decodeSafetensors(file, 'weights').tensors.floats;
    const [planes, count] = shape;
    expect([dtype, planes, bytes.length]).toEqual(['U8', 4, 4 * count]);
    const view = new DataView(new ArrayBuffer(4));
    return Array.from({ length: count }, (_, i) => {
      for (let plane = 0; plane < 4; plane++) view.setUint8(plane, bytes[plane * count + i]);
      return view.getFloat32(0, true);
    });
  };

  it('are the constants of the program, with all floats in one tensor', () => {
    const file = Buffer.from(encodeWeights(program.constants));
    const { tensors } = decodeSafetensors(file, 'weights');
    const constants = Object.entries(program.constants);
    const others = constants.filter(([, { kind }]) => kind !== 'f32').map(([name]) => name);
    expect(Object.keys(tensors)).toEqual(['floats', ...others]);
    for (const [name, constant] of constants) {
      if (constant.kind === 'f32') continue;
      const raw = new Uint8Array((constant.kind === 'i8' ? constant.steps : constant.bytes).buffer);
      expect(Buffer.compare(tensors[name].bytes, raw.subarray(0, tensors[name].bytes.length))).toBe(0);
    }
    const floats = constants.flatMap(([, constant]) => {
      return constant.kind === 'f32' ? [...constant.values] : constant.kind === 'i8' ? [...constant.scales] : [];
    });
    expect(floatsIn(file)).toEqual(floats);
  });

  it('travel in whole steps, with a scale per row, where the kernel was deployed so', () => {
    const constant = {
      kind: 'i8',
      steps: Int8Array.of(1, -2, 31, -31, 0, 5),
      scales: Float32Array.of(0.5, 0.25),
      each: 3,
    } as const;
    const file = encodeWeights({ kernel: constant });
    const { tensors } = decodeSafetensors(file, 'weights');
    expect(tensors.kernel).toMatchObject({ dtype: 'I8', shape: [2, 3] });
    expect([...new Int8Array(Buffer.from(tensors.kernel.bytes))]).toEqual([...constant.steps]);
    expect(floatsIn(file)).toEqual([0.5, 0.25]);
    expect([...programFloats(constant)]).toEqual([0.5, -1, 15.5, -7.75, 0, 1.25]);
  });

  it('travel in whole steps with a scale per column, as the kernels of convolutions', () => {
    const steps = Int8Array.of(1, -2, 127, -127, 0, 5);
    const constant = { kind: 'i8', steps, scales: Float32Array.of(0.5, 0.25), each: 1 } as const;
    const { tensors } = decodeSafetensors(encodeWeights({ kernel: constant }), 'weights');
    expect(tensors.kernel).toMatchObject({ dtype: 'I8', shape: [3, 2] });
    expect([...programFloats(constant)]).toEqual([0.5, -0.5, 63.5, -31.75, 0, 1.25]);
  });

  it('have as many bytes as their rows say', () => {
    const bits = { kind: 'bits', kernel: 'binary_dense', shape: [2, 20], bytes: new Uint8Array(5) } as const;
    expect(() => encodeWeights({ bits })).toThrow('[2,20] bits are 6 bytes, not 5');
  });
});

describe('a bundle', () => {
  const { manifest } = tinyDraft();
  const info: BundleInfo = {
    ...manifest,
    tail: NO_TAIL,
    samples: [{ png: Uint8Array.of(1, 2), label: 'one' }],
  };

  it('holds the samples of the demo and their labels', () => {
    const { files } = generateBundle(program, info);
    expect(files.get('demo/samples/00.png')).toEqual(Uint8Array.of(1, 2));
    expect(JSON.parse(String(files.get('demo/samples.json')))).toEqual([{ file: 'samples/00.png', label: 'one' }]);
  });

  it.each<[string, Partial<BundleInfo>, Partial<DeviceProgram>, RegExp]>([
    ['labels', { labels: [...LABELS, 'four'] }, {}, /logits: expected 4 values, the program has 3/],
    ['images', { input: { ...info.input, shape: [SIZE, 8, 1] } }, {}, /input: expected 128 values, .* has 256/],
    ['places', {}, { shared: { ...program.shared, arena: 8 } }, /shared: at 8, which is not aligned/],
    ['memory', {}, { arenaBytes: 64 }, /input: at \d+, which is .* out of the arena/],
  ])('is not made where program and description differ in their %s', (_, said, changed, reason) => {
    expect(() => generateBundle({ ...program, ...changed }, { ...info, ...said })).toThrow(reason);
  });
});
