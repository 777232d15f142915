import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import { expect, it } from 'vitest';
import { encodeSafetensors, floatTensor } from '../../src/base/safetensors.js';
import { floatModel } from '../../src/export/float-model.js';
import { jointNetwork } from '../../src/network/branch.js';
import type { Layer } from '../../src/network/layers.js';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import { randomParameters } from '../small-network.js';
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
    /expected every layer of lenet, because only the branch is trained; it lacks full\.fc2\. Give --no-freeze-full/,
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

it('compares an ONNX file with the network that is made from it, and refuses another graph', async () => {
  const { onnx } = onnxProto;
  const model = floatModel(openRun(RUN).network, stateOf(RUN), ['shared', 'full']);
  const same = fresh('same.onnx');
  writeFileSync(same, model);
  const made = await lcdnn('import', same, '--network', 'lenet', ...tinyOptions(1), '--out', fresh('run'));
  expect(made.stdout).toMatch(/\nlenet in its small form \(--form\)/);
  expect(made.stdout).toMatch(/\nONNX Runtime computes the same logits from the file on 12 images/);

  const probabilities = onnx.ModelProto.decode(model);
  const [output] = probabilities.graph!.output!;
  probabilities.graph!.node!.push(onnx.NodeProto.create({ opType: 'Softmax', input: [output.name!], output: ['p'] }));
  output.name = 'p';
  const softmax = fresh('softmax.onnx');
  writeFileSync(softmax, onnx.ModelProto.encode(probabilities).finish());
  const read = await lcdnn('import', softmax, '--network', 'lenet', ...tinyOptions(1), '--out', fresh('run'));
  expect(read.stdout).toMatch(/\nONNX Runtime computes the same logits from the file on 12 images/);

  const changed = onnx.ModelProto.decode(model);
  const relu = changed.graph!.node!.find(({ opType }) => opType === 'Relu')!;
  relu.opType = 'Elu';
  const other = fresh('other.onnx');
  writeFileSync(other, onnx.ModelProto.encode(changed).finish());
  const out = fresh('run');
  for (const command of [
    ['import', other, '--network', 'lenet'],
    ['train', '--init-from', other],
  ]) {
    await expectMistake(
      [...command, ...tinyOptions(1), '--out', out],
      /first layer that differs is full\.conv2 .*computes .*Elu/,
    );
  }
  expect(existsSync(out)).toBe(false);
});

it('reads a network that is not of the zoo from its graph, for every command', async () => {
  const file = fresh('vgg16 of mine.onnx');
  const layers: Layer[] = [
    { type: 'conv2d', name: 'conv1', filters: 6, kernel: 3, stride: 2, padding: [0, 1, 1, 0] },
    { type: 'hard-swish' },
    { type: 'depthwise-conv2d', name: 'depthwise1', kernel: 3, padding: 1 },
    { type: 'shift', name: 'shift1' },
    { type: 'leaky-relu', slope: 0.1 },
    {
      type: 'residual',
      body: [{ type: 'conv2d', name: 'block1-conv1', filters: 6, kernel: 3, padding: 1 }],
      shortcut: [],
    },
    { type: 'silu' },
    { type: 'average-pool', size: 3, stride: 2, padding: 1 },
    { type: 'conv2d', name: 'conv2', filters: 9, kernel: 1 },
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc1', units: 3 },
  ];
  const network = jointNetwork('mine', [16, 16, 1], 3, layers);
  writeFileSync(file, floatModel(network, randomParameters(network, 1), ['shared', 'full']));
  const run = fresh('run');
  const made = await lcdnn('import', file, ...tinyOptions(1), '--attach', 'block1', '--out', run);
  expect(made.stderr).not.toMatch(/Error/);
  expect(made.stdout).toMatch(/, 6 layers: shared\.conv1, shared\.depthwise1, .*\n {2}missing .* 0 layers: none\n/);
  expect(made.stdout).toMatch(
    /\n\S*vgg16-of-mine as its graph says; the branch is attached behind block1 \(--attach: conv1, block1\)/,
  );
  expect(made.stdout).toMatch(/\nONNX Runtime computes the same logits from the file on 12 images/);
  await expectMistake(
    ['import', file, ...tinyOptions(1), '--attach', 'conv2', '--out', fresh('run')],
    /attach: expected conv1 or block1, because devices don't compute all layers up to conv2, found conv2/,
  );
  expect(openRun(run).config.layers?.map(({ type }) => type)).toEqual(layers.map(({ type }) => type));
  for (const args of [
    ['train', '--resume', run],
    ['tune-tau', run],
    ['evaluate', run],
    ['inspect', run],
    ['plan', run],
    ['export', run, '--target', 'web', '--out', fresh('web')],
  ]) {
    expect((await lcdnn(...args)).code, args.join(' ')).toBe(0);
  }
  await expectMistake(
    ['inspect', run, '--width', '0.5'],
    /vgg16-of-mine: expected width 1 and form auto, because its layers were read from a graph, found 0\.5 and auto/,
  );
});

it('refuses layers that the network lacks, unless they are to be ignored', async () => {
  const tensors = Object.entries(stateOf(RUN)).flatMap(([name, { shape, values }]) =>
    /^(shared|full)\./.test(name) ? [[name.replace(/^\w+\./, ''), floatTensor(shape, values)] as const] : [],
  );
  const extra = floatTensor([2], new Float32Array(2));
  const file = fresh('extra.safetensors');
  const entries = [
    ...tensors.map(([name, tensor]) => [`full.${name}`, tensor] as const),
    ['full.se.weight', extra] as const,
  ];
  writeFileSync(
    file,
    encodeSafetensors({ tensors: Object.fromEntries(entries), metadata: { format: 'lcdnn-checkpoint-1' } }),
  );
  const out = fresh('run');
  await expectMistake(
    ['import', file, ...tinyOptions(1), '--out', out],
    /found 1 others as well \(se\).*--allow-left-over/,
  );
  expect((await lcdnn('import', file, '--allow-left-over', ...tinyOptions(1), '--out', out)).code).toBe(0);
});

it('remembers the normalisation that the network was trained with, and gives it to the page', async () => {
  const [run, bundle] = [fresh('run'), fresh('bundle')];
  const preprocessing = fresh('preprocessor_config.json');
  writeFileSync(preprocessing, JSON.stringify({ image_mean: [0.5], image_std: [0.25] }));
  const given = ['--preprocessing', preprocessing, '--std', '0.125'];
  expect((await lcdnn('import', trained, ...given, ...tinyOptions(1), '--out', run)).code).toBe(0);
  for (const args of [
    ['train', '--resume', run],
    ['tune-tau', run],
    ['export', run, '--target', 'web', '--out', bundle],
  ]) {
    expect((await lcdnn(...args)).code, args.join(' ')).toBe(0);
  }
  const { input } = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'));
  expect(input).toMatchObject({ mean: [0.5], std: [0.125] });
  await expectMistake(
    ['import', trained, '--mean', '1,2,3', ...tinyOptions(1), '--out', fresh('run')],
    /mean: expected 1 number for images with 1 channels, found 3/,
  );
});
