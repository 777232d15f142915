import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LABELS, tinyBundle } from '../../test/tiny-bundle.js';
import type { Manifest } from '../bundle/manifest.js';
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

const textOf = (files: Map<string, Uint8Array>, path: string) => Buffer.from(files.get(path)!).toString();

describe('the model repository of a bundle', () => {
  it.each<[string, Partial<Manifest['tail']>]>([
    ['TYPE_FP32', {}],
    ['TYPE_FP16', { datatype: 'FP16' }],
    ['TYPE_UINT8', { datatype: 'UINT8', scale: Array(20).fill(0.5) }],
  ])('has a configuration for Triton with an input of %s', async (type, encoding) => {
    const { manifest, files } = await tinyBundle(join(folder, type));
    const tail = files.get(manifest.tail.file)!;
    const written = modelRepository({ ...manifest, tail: { ...manifest.tail, ...encoding } }, tail);
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
    const model = modelRepository(manifest, files.get(manifest.tail.file)!).get('models/tiny/1/model.onnx')!;
    const session = await InferenceSession.create(model);
    expect([session.inputNames, session.outputNames]).toEqual([['shared'], ['logits']]);
    await session.release();
  });

  it('has the files of OpenVINO Model Server and KServe', async () => {
    const { manifest } = await tinyBundle(join(folder, 'others'));
    const written = modelRepository(manifest, new Uint8Array());
    expect(JSON.parse(textOf(written, 'openvino-model-server.json'))).toEqual({
      model_config_list: [
        {
          config: {
            name: 'tiny',
            base_path: '/lcdnn/models/tiny',
            plugin_config: { INFERENCE_PRECISION_HINT: 'f32' },
          },
        },
      ],
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
    writeRepository(target, modelRepository(manifest, Uint8Array.of(1)));
    writeRepository(target, modelRepository(manifest, Uint8Array.of(2)));
    const model = join(target, 'models/tiny/1/model.onnx');
    expect(readFileSync(model)).toEqual(Buffer.of(2));
    writeFileSync(join(target, 'notes.txt'), 'mine');
    expect(() => writeRepository(target, modelRepository(manifest, Uint8Array.of(3)))).toThrow(/found notes\.txt/);
    expect(readFileSync(model)).toEqual(Buffer.of(2));
  });
});
