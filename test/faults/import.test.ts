import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/base/safetensors.js';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import { EPOCHS, expectMistake, fresh, lcdnn, RUN, tinyOptions } from './cli.js';

const trained = join(RUN, 'checkpoint.safetensors');
const stateOf = (run: string) => readRunCheckpoint(openRun(run)).state;

it('makes a run of a trained network, whose branch alone is then trained, tuned and exported', async () => {
  const run = fresh('run');
  const { code, stdout } = await lcdnn('import', trained, ...tinyOptions(EPOCHS), '--out', run);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^taken from \S+, 4 layers: shared\.conv1, full\.conv2, .*\n {2}missing .* 0 layers: none\n/);
  expect(stdout).toMatch(/\nthe full branch classifies \d+\.\d\d % of 20 validation images correctly\n/);
  expect(stdout).toMatch(/next: lcdnn train --resume \S+\n$/);

  const before = stateOf(run);
  expect((await lcdnn('train', '--resume', run)).code).toBe(0);
  const [after, source] = [stateOf(run), stateOf(RUN)];
  expect(Object.keys(after).filter((name) => /^optimizer\.\w+\.(shared|full)/.test(name))).toEqual([]);
  for (const [name, { values }] of Object.entries(after)) {
    if (/^(shared|full)\./.test(name)) expect(values, name).toEqual(source[name].values);
    if (/^branch\..*kernel$/.test(name)) expect(values, name).not.toEqual(before[name].values);
  }
  for (const args of [
    ['tune-tau', run],
    ['evaluate', run],
    ['export', run, '--target', 'web', '--out', fresh('web')],
  ]) {
    expect((await lcdnn(...args)).code, args.join(' ')).toBe(0);
  }
});

it('leaves the full network to be trained too', async () => {
  const run = fresh('both');
  const made = await lcdnn('import', trained, '--no-freeze-full', ...tinyOptions(1), '--out', run, '--json');
  expect(JSON.parse(made.stdout)).toMatchObject({
    run,
    config: { freezeFull: false, initFrom: trained },
    warmStart: { missing: [], leftOver: [] },
    validation: { images: 20, fullAccuracy: expect.any(Number) },
  });
  expect((await lcdnn('train', '--resume', run)).code).toBe(0);
  const [after, source] = [stateOf(run), stateOf(RUN)];
  expect(after['full.conv2.kernel'].values).not.toEqual(source['full.conv2.kernel'].values);
});

it('refuses a network that lacks a layer, unless that is trained', async () => {
  const { 'full.fc2.kernel': _, 'full.fc2.bias': __, ...rest } = stateOf(RUN);
  const tensors = Object.fromEntries(
    Object.entries(rest).map(([name, { shape, values }]) => [
      name,
      { dtype: 'F32' as const, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) },
    ]),
  );
  const file = fresh('part.safetensors');
  writeFileSync(file, encodeSafetensors({ tensors, metadata: { format: 'lcdnn-checkpoint-1' } }));
  const out = fresh('run');
  await expectMistake(
    ['import', file, ...tinyOptions(1), '--out', out],
    /expected every layer of lenet, for only the branch is trained; it lacks full\.fc2\. Give --no-freeze-full/,
  );
  expect(existsSync(out)).toBe(false);
  expect((await lcdnn('import', file, '--no-freeze-full', ...tinyOptions(1), '--out', out)).code).toBe(0);
});

it('writes nothing over a run, and nothing where there is no network', async () => {
  await expectMistake(['import', trained, ...tinyOptions(1), '--out', RUN], /expected a new folder|already|holds/);
  const out = fresh('none');
  await expectMistake(
    ['import', 'gone.onnx', ...tinyOptions(1), '--out', out],
    /gone\.onnx: expected a trained network/,
  );
  expect(existsSync(out)).toBe(false);
});
