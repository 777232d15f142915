import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { BUNDLE, copyOf, expectMistake, fresh, lcdnn, RUN } from './cli.js';

const bytesOf = (...path: string[]) => readFileSync(join(...path));

describe.concurrent('a model repository', () => {
  it('is made of a bundle, with its very tail', async () => {
    const out = fresh('repository');
    const { code, stdout } = await lcdnn('export', BUNDLE, '--target', 'triton', '--out', out, '--json');
    const { manifest, files } = readBundle(BUNDLE);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { name: manifest.name, version: manifest.version }]);
    expect(bytesOf(out, 'models', manifest.name, '1/model.onnx')).toEqual(files.get(manifest.tail.file));
  });

  it('is made of a run, as its bundle would be', async () => {
    const out = fresh('repository');
    const made = await lcdnn('export', RUN, '--target', 'triton', '--uplink', 'f16', '--name', 'mine', '--out', out);
    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(/^f16 \(chosen\) /m);
    expect(readdirSync(out).sort()).toEqual(['kserve.yaml', 'models', 'openvino-model-server.json']);
    expect(bytesOf(out, 'models/mine/config.pbtxt').toString()).toContain('data_type: TYPE_FP16');
  });

  it('is not written over other files', async () => {
    const out = fresh('repository');
    mkdirSync(out);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    await expectMistake(
      ['export', BUNDLE, '--target', 'triton', '--out', out],
      /expected an empty folder .* notes\.txt/,
    );
    expect(existsSync(join(out, 'models'))).toBe(false);
  });
});

it.concurrent('a bundle says what it sends, how that was found, and sends nothing else', async () => {
  const out = fresh('bundle');
  const { code, stdout } = await lcdnn('export', RUN, '--uplink', 'image', '--out', out, '--json');
  const { manifest } = readBundle(out);
  expect([code, JSON.parse(stdout).uplink]).toEqual([0, manifest.provenance['uplink']]);
  expect(manifest.tail).toMatchObject({ datatype: 'UINT8', from: 'image', shape: [...manifest.input.shape] });
  expect(readBundle(BUNDLE).manifest).toMatchObject({ provenance: { uplink: { choice: 'f32', images: 0 } } });
  expect(readBundle(BUNDLE).manifest.tail).not.toHaveProperty('datatype');
});

it.concurrent('a bundle exits early at the temperature that its run was tuned at', async () => {
  const [run, out] = [copyOf(RUN), fresh('bundle')];
  expect((await lcdnn('tune-tau', run, '--entropy-temperature', '0.5', '--objective', 'exits')).code).toBe(0);
  const tuned = JSON.parse(bytesOf(run, 'tau.json').toString());
  expect((await lcdnn('export', run, '--uplink', 'f32', '--out', out)).code).toBe(0);
  expect(readBundle(out).manifest).toMatchObject({ tau: tuned.tau, entropyTemperature: 0.5 });
  expect((await lcdnn('inspect', out)).stdout).toContain(`${tuned.tau}, entropy at temperature 0.5\n`);
  expect(bytesOf(`${out}.about`, 'MODEL_CARD.md').toString()).toContain(`${tuned.tau} (entropy at temperature 0.5), `);
  const untuned = await lcdnn('export', RUN, '--check', out);
  expect(untuned.stdout).toContain('different from the recorded export: tau');
  expect(readBundle(BUNDLE).manifest).not.toHaveProperty('entropyTemperature');
});

it.concurrent('an example is written beside the bundle, once', async () => {
  const out = fresh('bundle');
  const first = await lcdnn('export', RUN, '--uplink', 'f32', '--out', `${out}/`, '--example', 'react', '--json');
  expect([first.code, JSON.parse(first.stdout).example]).toEqual([0, `${out}-react`]);
  const page = join(`${out}-react`, 'src/main.jsx');
  expect(bytesOf(page).toString()).toContain(`from '${readBundle(out).manifest.name}'`);
  writeFileSync(page, 'mine');
  const second = await lcdnn('export', RUN, '--uplink', 'f32', '--out', out, '--example', 'react');
  expect(second.stdout).toContain(`${out}-react: exists, and stays as it is`);
  expect(bytesOf(page).toString()).toBe('mine');
});

it.concurrent('an example needs a bundle', () =>
  expectMistake(
    ['export', BUNDLE, '--target', 'triton', '--out', fresh('repository'), '--example', 'next'],
    /--example: expected --target web, found triton/,
  ));
