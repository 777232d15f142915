import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeTemporaries, writeFileAtomic } from '../base/files.js';
import { normal, random } from '../base/random.js';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from '../base/safetensors.js';
import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const network: JointNetwork = {
  name: 'small',
  input: [4, 4, 1],
  classes: 3,
  shared: [{ type: 'conv2d', name: 'conv1', filters: 2, kernel: 3 }],
  full: [{ type: 'flatten' }, { type: 'dense', name: 'fc1', units: 3 }],
  branch: [{ type: 'flatten' }, { type: 'binary-dense', name: 'fc1', units: 3 }],
};

/** Parameters and Adam's slots, with values that float32 holds to the bit: tiny, negative, -0. */
function sampleState(): NamedArrays {
  const next = random(7);
  const state: NamedArrays = {};
  for (const { name, shape } of networkParameters(network)) {
    for (const tensor of [name, `optimizer.first.${name}`, `optimizer.second.${name}`]) {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => normal(next));
      values.set([-0, 1e-45]);
      state[tensor] = { shape, values };
    }
  }
  return state;
}

/** Everything that the generator of batches and augmentation starts from, and the sums of a broken epoch. */
const progress = {
  epoch: 3,
  step: 17,
  totalSteps: 317,
  fullLoss: 1.1 + 2.2,
  branchLoss: 1 / 3,
  fullHits: 12,
  branchHits: 0,
};

const good: Checkpoint = { progress, state: sampleState() };
const path = join(folder, 'checkpoint.safetensors');
writeCheckpoint(path, good);
const file = readFileSync(path);

function expectRefused(content: Uint8Array, fault: RegExp): void {
  const broken = join(folder, 'broken.safetensors');
  writeFileSync(broken, content);
  expect(() => readCheckpoint(broken, network)).toThrow(
    expect.objectContaining({ name: 'UserError', message: expect.stringMatching(fault) }),
  );
}

/** The good checkpoint's file, its tensors and metadata changed. */
function changed(change: (file: SafetensorsFile) => Partial<SafetensorsFile>): Uint8Array {
  const decoded = decodeSafetensors(file, path);
  return encodeSafetensors({ ...decoded, ...change(decoded) });
}

describe('a checkpoint', () => {
  it('comes back with its progress, parameters and optimiser slots, to the bit', () => {
    const found = readCheckpoint(path, network);
    expect(found).toEqual(good);
    expect(Object.is(found.state['shared.conv1.kernel'].values[0], -0)).toBe(true);
  });

  it('is written as the same bytes after it was read', () => {
    const again = join(folder, 'again.safetensors');
    writeCheckpoint(again, readCheckpoint(path, network));
    expect(readFileSync(again).equals(file)).toBe(true);
  });

  it('is refused at every length that is not its own', () => {
    for (let length = 0; length < file.length; length += 41)
      expectRefused(file.subarray(0, length), /expected a safetensors/);
    expectRefused(Buffer.concat([file, Buffer.from('x')]), /found 1 bytes after the last tensor/);
  });

  it('is refused with a header longer than the file, without reading it', () => {
    for (const length of [BigInt(file.length), 2n ** 40n, 2n ** 64n - 1n]) {
      const oversized = Buffer.from(file);
      oversized.writeBigUInt64LE(length);
      expectRefused(oversized, /found a header of \d+ bytes in a file of \d+/);
    }
  });

  it.each([
    [
      'of another program',
      { metadata: {} },
      /expected a checkpoint of lcdnn \(lcdnn-checkpoint-1\), found another file/,
    ],
    [
      'of a later version',
      { metadata: { format: 'lcdnn-checkpoint-2' } },
      /in format 1 or earlier, found format 2, which a newer version/,
    ],
    ['without progress', { metadata: { format: 'lcdnn-checkpoint-1' } }, /expected the progress of a training run/],
    [
      'with progress that makes no sense',
      { metadata: { format: 'lcdnn-checkpoint-1', progress: JSON.stringify({ ...progress, epoch: -1 }) } },
      /expected the progress of a training run/,
    ],
    [
      'without tensors',
      { tensors: {} },
      /expected shared\.conv1\.kernel of shape \[3,3,1,2\] .*, found no such tensor/,
    ],
  ])('%s is refused', (_, change, fault) =>
    expectRefused(
      changed(() => change),
      fault,
    ));

  it('is refused with a tensor of another shape', () =>
    expectRefused(
      changed(({ tensors }) => ({
        tensors: { ...tensors, 'full.fc1.kernel': { ...tensors['full.fc1.kernel'], shape: [3, 8] } },
      })),
      /expected full\.fc1\.kernel of shape \[8,3\] for network small, found shape \[3,8\]; it belongs to another network/,
    ));

  it('is refused with bytes for floats', () =>
    expectRefused(
      changed(({ tensors }) => ({
        tensors: { ...tensors, 'full.fc1.bias': { dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) } },
      })),
      /expected finite float32 numbers in full\.fc1\.bias, found U8/,
    ));

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('is refused with %s, in a slot too', (value) => {
    for (const name of ['branch.fc1.kernel', 'optimizer.second.full.fc1.bias']) {
      const bytes = new Uint8Array(decodeSafetensors(file, path).tensors[name].bytes);
      new DataView(bytes.buffer).setFloat32(4, value, true);
      expectRefused(
        changed(({ tensors }) => ({ tensors: { ...tensors, [name]: { ...tensors[name], bytes } } })),
        new RegExp(`expected finite float32 numbers in ${name}`),
      );
    }
  });
});

describe('writing a file', () => {
  it('leaves the old one and no litter where the new one can not take its place', () => {
    const taken = join(folder, 'taken');
    mkdirSync(join(taken, 'inside'), { recursive: true }); // a folder that no file can replace
    const before = readdirSync(folder);
    expect(() => writeFileAtomic(taken, 'new')).toThrow();
    expect(readdirSync(folder)).toEqual(before);
    expect(readdirSync(taken)).toEqual(['inside']);
  });

  it('says where a folder is missing', () => {
    expect(() => writeFileAtomic(join(folder, 'gone', 'x'), '')).toThrow(
      /gone\/x: can't be written there .*another folder/,
    );
    expect(() => writeFileAtomic('/dev/null/x', '')).toThrow(
      /^\/dev\/null\/x: can't be written there .*another folder$/,
    );
  });

  it('is cleared up after a kill, and nothing else is', () => {
    const run = join(folder, 'killed');
    mkdirSync(run);
    for (const name of ['.checkpoint.safetensors.0123456789ab.tmp', 'notes.tmp', '.x.tmp', 'config.json']) {
      writeFileSync(join(run, name), '');
    }
    removeTemporaries(run);
    expect(readdirSync(run).sort()).toEqual(['.x.tmp', 'config.json', 'notes.tmp']);
  });
});
