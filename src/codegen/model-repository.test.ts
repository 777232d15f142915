import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fullNetworkLogits } from '../../test/full-network.js';
import { LABELS, SIZE, tinyBundle } from '../../test/tiny-bundle.js';
import type { EntryPoint, Manifest } from '../bundle/manifest.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { joinModels } from '../onnx/join-models.js';
import { modelRepository } from './model-repository.js';
import { writeRepository } from './write-repository.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-repository-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Message = { [field: string]: Value[] };
type Value = string | number | Message;

/** Protobuf's text format, as far as these files have it: every field as the list of its values, words as text. */
function parseTextFormat(text: string): Message {
  const tokens = text.replaceAll(/#.*/g, '').match(/"(?:[^"\\]|\\.)*"|[\w.+-]+|[^\s\w]/g) ?? [];
  let at = 0;
  const take = (wanted: string): void => {
    if (tokens[at++] !== wanted) throw new Error(`expected ${wanted} at token ${at}, found ${tokens[at - 1]}`);
  };
  const value = (): Value => {
    if (tokens[at] === '{') {
      take('{');
      const inner = message();
      take('}');
      return inner;
    }
    const token = tokens[at++];
    return token.startsWith('"') ? (JSON.parse(token) as string) : Number.isNaN(Number(token)) ? token : Number(token);
  };
  const list = (): Value[] => {
    take('[');
    const values = [value()];
    while (tokens[at] === ',') {
      take(',');
      values.push(value());
    }
    take(']');
    return values;
  };
  const message = (): Message => {
    const found: Message = {};
    while (at < tokens.length && tokens[at] !== '}') {
      const name = tokens[at++];
      if (!/^[a-z_]+$/.test(name)) throw new Error(`expected a field's name, found ${name}`);
      const isMessage = tokens[at] === '{' || (tokens[at] === '[' && tokens[at + 1] === '{');
      if (!isMessage) take(':');
      found[name] = [...(found[name] ?? []), ...(tokens[at] === '[' ? list() : [value()])];
    }
    return found;
  };
  const whole = message();
  if (at !== tokens.length) throw new Error(`expected the end, found ${tokens[at]}`);
  return whole;
}

const modelsOf = (files: Bundle['files']) => (entry: EntryPoint) =>
  joinModels(entry.files.map((file) => files.get(file)!));

const textOf = (files: Map<string, Uint8Array>, path: string) => Buffer.from(files.get(path)!).toString();

describe('the model repository of a bundle', () => {
  it.each<[string, Partial<Manifest['tail']>]>([
    ['TYPE_FP32', {}],
    ['TYPE_FP16', { datatype: 'FP16' }],
    ['TYPE_UINT8', { datatype: 'UINT8', scale: Array(20).fill(0.5) }],
  ])('has a configuration for Triton with an input of %s', async (type, encoding) => {
    const { manifest, files } = await tinyBundle(join(folder, type));
    const tail = files.get(manifest.tail.file)!;
    const written = modelRepository({ ...manifest, tail: { ...manifest.tail, ...encoding } }, () => tail);
    expect(parseTextFormat(textOf(written, 'models/tiny/config.pbtxt'))).toEqual({
      name: ['tiny'],
      backend: ['onnxruntime'],
      max_batch_size: [32],
      input: [{ name: ['shared'], data_type: [type], dims: manifest.tail.shape }],
      output: [{ name: ['logits'], data_type: ['TYPE_FP32'], dims: [LABELS.length] }],
      dynamic_batching: [{ max_queue_delay_microseconds: [2000] }],
    });
  });

  it('has the tail as version 1, with the tensors that the configuration names', async () => {
    const { manifest, files } = await tinyBundle(join(folder, 'model'));
    const model = modelRepository(manifest, modelsOf(files)).get('models/tiny/1/model.onnx')!;
    const session = await InferenceSession.create(model);
    expect([session.inputNames, session.outputNames]).toEqual([['shared'], ['logits']]);
    await session.release();
  });

  it('has a model for each entry point, which answers an image as the full network does', async () => {
    const { manifest, files } = await tinyBundle(join(folder, 'entries'), { tau: [0.3, 0.5, 0.7] });
    const written = modelRepository(manifest, modelsOf(files));
    const names = ['tiny', 'tiny-image', 'tiny-exit1', 'tiny-exit2'];
    const models = [...written.keys()].filter((path) => path.endsWith('model.onnx'));
    expect(models).toEqual(names.map((name) => `models/${name}/1/model.onnx`));
    expect(parseTextFormat(textOf(written, 'models/tiny-image/config.pbtxt'))).toMatchObject({
      name: ['tiny-image'],
      input: [{ name: ['given'], data_type: ['TYPE_UINT8'], dims: [SIZE, SIZE, 1] }],
      output: [{ name: ['logits'], data_type: ['TYPE_FP32'], dims: [LABELS.length] }],
    });
    const levels = Uint8Array.from({ length: 2 * SIZE * SIZE }, (_, i) => (i * 37) % 256);
    const session = await InferenceSession.create(written.get('models/tiny-image/1/model.onnx')!);
    const feeds = { given: new Tensor('uint8', levels, [2, SIZE, SIZE, 1]) };
    const logits = (await session.run(feeds)).logits.data as Float32Array;
    await session.release();
    const expected = await fullNetworkLogits(levels, 3);
    for (const [i, logit] of logits.entries()) expect(logit).toBeCloseTo(expected[i], 4);
  });

  it('has the files of OpenVINO Model Server and KServe', async () => {
    const { manifest } = await tinyBundle(join(folder, 'others'));
    const written = modelRepository(manifest, () => new Uint8Array());
    expect(JSON.parse(textOf(written, 'openvino-model-server.json'))).toEqual({
      model_config_list: ['tiny', 'tiny-image'].map((name) => ({
        config: {
          name,
          base_path: `/lcdnn/models/${name}`,
          plugin_config: { INFERENCE_PRECISION_HINT: 'f32' },
        },
      })),
    });
    expect(parse(textOf(written, 'kserve.yaml'))).toMatchObject({
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: { name: 'tiny' },
      spec: { predictor: { model: { protocolVersion: 'v2', modelFormat: { name: 'onnx' } } } },
    });
  });

  it('is written over an earlier one, and over nothing else', async () => {
    const { manifest } = await tinyBundle(join(folder, 'written'));
    const target = join(folder, 'repository');
    writeRepository(
      target,
      modelRepository(manifest, () => Uint8Array.of(1)),
    );
    writeRepository(
      target,
      modelRepository(manifest, () => Uint8Array.of(2)),
    );
    const model = join(target, 'models/tiny/1/model.onnx');
    expect(readFileSync(model)).toEqual(Buffer.of(2));
    writeFileSync(join(target, 'notes.txt'), 'mine');
    expect(() =>
      writeRepository(
        target,
        modelRepository(manifest, () => Uint8Array.of(3)),
      ),
    ).toThrow(/found notes\.txt/);
    expect(readFileSync(model)).toEqual(Buffer.of(2));
  });
});
