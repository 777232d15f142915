import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { decodeSafetensors, encodeSafetensors } from '../base/safetensors.js';
import { initialTrainingState } from './learning/train.js';
import { resolvePlan } from './learning/training-plan.js';
import { loadPolicy, readPolicy, writePolicy } from './policy-file.js';
import { resolveSettings } from './settings.js';
import { createWorld } from './world.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'policy.safetensors');
const settings = resolveSettings({ slots: 5 });
const plan = resolvePlan({ seed: 7 });
const state = initialTrainingState(createWorld(settings), plan);
writePolicy(path, { settings, plan, state });
const written = readFileSync(path);

function damaged(damage: (file: ReturnType<typeof decodeSafetensors>) => object): string {
  const file = join(folder, 'damaged.safetensors');
  const read = decodeSafetensors(written, path);
  writeFileSync(file, encodeSafetensors({ ...read, ...damage(read) }));
  return file;
}

it('reads back what it wrote', () => {
  expect(readPolicy(path)).toEqual({ settings, plan, state });
});

it('explains every truncation', () => {
  const cut = join(folder, 'cut.safetensors');
  for (let length = 0; length < written.length; length += 97) {
    writeFileSync(cut, written.subarray(0, length));
    expect(() => readPolicy(cut)).toThrow(UserError);
  }
});

it.each<[string, (file: ReturnType<typeof decodeSafetensors>) => object, RegExp]>([
  [
    'of another format',
    ({ metadata }) => ({ metadata: { ...metadata, format: 'x' } }),
    /expected an lcdnn policy .* found x/,
  ],
  ['with no plan', ({ metadata: { plan: _, ...metadata } }) => ({ metadata }), /, plan: /],
  [
    'for other settings',
    ({ metadata }) => ({ metadata: { ...metadata, settings: '{"slots":6}' } }),
    /in optimizer\.first\.hidden\.weights/,
  ],
  [
    'with no progress',
    ({ metadata }) => ({ metadata: { ...metadata, progress: '{"iteration":-1}' } }),
    /expected the progress/,
  ],
  [
    'with a number that is none',
    ({ tensors }) => {
      const bytes = new Uint8Array(Float32Array.of(Number.NaN, ...new Float32Array(7)).buffer);
      return { tensors: { ...tensors, 'output.bias': { ...tensors['output.bias'], bytes } } };
    },
    /expected 8 finite numbers in output\.bias, found other data; the file is damaged/,
  ],
])('refuses a file %s', (_, damage, line) => {
  const file = damaged(damage);
  expect(() => readPolicy(file)).toThrow(UserError);
  expect(() => readPolicy(file)).toThrow(line);
});

it('is for the servers that it was trained for, unless it scores each by itself', () => {
  expect(() => loadPolicy(path, 4)).toThrow(/expected a policy for 4 servers, found one for 3/);
  const any = resolvePlan({ method: 'per-server' });
  const file = join(folder, 'any.safetensors');
  writePolicy(file, { settings, plan: any, state: initialTrainingState(createWorld(settings), any) });
  expect(loadPolicy(file, 40)).toBeTypeOf('function');
});
