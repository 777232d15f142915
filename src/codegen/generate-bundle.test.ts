import { readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { exitsProgram, LABELS, program, SIZE, tinyDraft } from '../../test/tiny-bundle.js';
import { decodeSafetensors, floatValues } from '../base/safetensors.js';
import { lowerBranch } from '../export/lower.js';
import { type DeviceProgram, floatsOf, type KernelCall, stagesOf } from '../export/program.js';
import { deployedState } from '../network/deployed.js';
import { createNetwork } from '../network/zoo/index.js';
import { initialState } from '../train/initial-state.js';
import { type BundleInfo, generateBundle } from './generate-bundle.js';
import { compact, printLoader } from './print-program.js';
import { encodeWeights } from './weights.js';

const template = readFileSync(new URL('../../templates/loader/lcdnn.js', import.meta.url), 'utf8');

/** Calls of kernels that the template itself does not have. */
function callsIn(printed: string): number {
  const [all, own] = [printed, template].map((text) => text.match(/\.lcdnn_/g)?.length ?? 0);
  return all - own;
}

describe('the printed loader', () => {
  it('is the template with the program in it, without comments, the same every time', () => {
    const printed = printLoader(template, program);
    expect(printed).toBe(printLoader(template, program));
    expect(printed).not.toMatch(/^\s*\/\/|<program>|^$\n|\beval\(|new Function/m);
    expect(callsIn(printed)).toBe(program.calls.length);
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
    expect(() => printLoader(template, wrong)).toThrow(reason);
  });

  it('is not printed into a text that has no place for it', () => {
    expect(() => printLoader('export const load = 1;', program)).toThrow('no <program> block');
  });
});

it('the printed loader has a function for every stage', () => {
  const printed = printLoader(template, exitsProgram);
  const calls = stagesOf(exitsProgram).flatMap((stage) => stage.calls);
  expect(callsIn(printed)).toBe(calls.length);
});

it('a page fetches at most 6 KB of loader, brotli, for the longest program too', () => {
  const network = createNetwork('resnet18', [224, 224, 3], 10, { width: 0.1 });
  const state = deployedState(network, initialState(network, 'momentum', 1));
  const printed = printLoader(template, lowerBranch(network, state));
  expect(brotliCompressSync(printed).length).toBeLessThanOrEqual(6 * 1024);
});

it.each([
  ['lcdnn-edge.js', 3],
  ['lcdnn-stream.js', 1],
])('%s, which comes later, is at most %d KB, brotli', (file, most) => {
  const text = readFileSync(new URL(`../../templates/loader/${file}`, import.meta.url), 'utf8');
  expect(brotliCompressSync(compact(text)).length).toBeLessThanOrEqual(most * 1024);
});

describe('the weights', () => {
  it('are the constants of the program, floats at multiples of 4', () => {
    const bytes = Buffer.from(encodeWeights(program.constants));
    const { tensors } = decodeSafetensors(bytes, 'weights');
    const names = Object.entries(program.constants).flatMap(([name, { kind }]) =>
      kind === 'i8' ? [name, `${name}.scale`] : [name],
    );
    expect(Object.keys(tensors).sort()).toEqual(names.sort());
    for (const [name, constant] of Object.entries(program.constants)) {
      const values = { f32: 'values', i8: 'steps', bits: 'bytes' }[constant.kind];
      const raw = new Uint8Array((constant as unknown as Record<string, Float32Array>)[values].buffer);
      expect(Buffer.compare(tensors[name].bytes, raw.subarray(0, tensors[name].bytes.length))).toBe(0);
    }
  });

  it('travel in whole steps, with a scale per row, where the kernel was deployed so', () => {
    const constant = {
      kind: 'i8',
      steps: Int8Array.of(1, -2, 31, -31, 0, 5),
      scales: Float32Array.of(0.5, 0.25),
    } as const;
    const { tensors } = decodeSafetensors(encodeWeights({ kernel: constant }), 'weights');
    expect(tensors.kernel).toMatchObject({ dtype: 'I8', shape: [2, 3] });
    expect([...new Int8Array(Buffer.from(tensors.kernel.bytes))]).toEqual([...constant.steps]);
    expect([...floatValues(tensors['kernel.scale'])]).toEqual([0.5, 0.25]);
    expect([...floatsOf(constant)]).toEqual([0.5, -1, 15.5, -7.75, 0, 1.25]);
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
    tail: { model: new Uint8Array(), input: 'shared', output: 'logits' },
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
