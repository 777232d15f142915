import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { randomParameters } from '../../test/small-network.js';
import { toHalf } from '../base/half.js';
import { random } from '../base/random.js';
import { floatModel } from '../export/float-model.js';
import type { JointNetwork } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';
import { createNetwork } from '../network/zoo/index.js';
import { initialState } from '../train/initial-state.js';
import { readSource } from '../train/warm-start/source.js';
import { warmStart } from '../train/warm-start/warm-start.js';
import { checkImport } from './check-import.js';

const { onnx } = onnxProto;
type Node = onnxProto.onnx.INodeProto;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-check-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const resnet = createNetwork('resnet18', [16, 16, 3], 4, { width: 0.06 });
const lenet = createNetwork('lenet', [20, 24, 1], 4, { width: 0.2 });

/** A file that holds this network with random parameters, its graph changed. */
function fileOf(network: JointNetwork, change: (nodes: Node[], model: onnxProto.onnx.IModelProto) => void): string {
  const model = onnx.ModelProto.decode(floatModel(network, randomParameters(network, 3), ['shared', 'full']));
  change(model.graph!.node!, model);
  const path = join(folder, `${Math.random()}.onnx`);
  writeFileSync(path, onnx.ModelProto.encode(model).finish());
  return path;
}

async function importInto(network: JointNetwork, path: string) {
  const state = initialState(network, 'adam', 1);
  warmStart(state, network, readSource(path));
  return checkImport(path, network, state, floats(random(5), 2 * featuresOf(network.input)));
}

const attribute = (node: Node, name: string) => node.attribute!.find((given) => given.name === name)!;
const nth = (nodes: Node[], opType: string, n: number): Node => nodes.filter((node) => node.opType === opType)[n];

describe('a network made from an ONNX file', () => {
  it.each([resnet, lenet])('computes what the file computes', async (network) => {
    const path = fileOf(network, () => {});
    const { images, compared, difference } = await importInto(network, path);
    expect([images, compared]).toEqual([6, 'logits']);
    expect(difference).toBeLessThan(1e-5);
  });

  it.each([resnet, lenet])('is compared by its features if the classes are others', async (network) => {
    const other = { ...createNetwork(network.name, network.input, 7, { width: network === resnet ? 0.06 : 0.2 }) };
    const { compared, difference } = await importInto(
      other,
      fileOf(network, () => {}),
    );
    expect(compared).toBe('features');
    expect(difference).toBeLessThan(1e-5);
  });

  it('may be stored in half precision', async () => {
    const path = fileOf(resnet, (nodes, model) => {
      for (const tensor of model.graph!.initializer!) {
        if (tensor.dataType !== 1) continue;
        const values = new Float32Array(new Uint8Array(tensor.rawData!).buffer);
        tensor.dataType = 10;
        tensor.rawData = new Uint8Array(Uint16Array.from(values, toHalf).buffer);
      }
      for (const { type } of [...model.graph!.input!, ...model.graph!.output!]) type!.tensorType!.elemType = 10;
      expect(nodes.length).toBeGreaterThan(40);
    });
    expect((await importInto(resnet, path)).difference).toBeLessThan(1e-5);
  });

  it.each<[string, RegExp, (nodes: Node[]) => void]>([
    [
      'another activation',
      /first layer that differs is full.layer1-0-conv1 .*LeakyRelu \(alpha/,
      (nodes) => {
        const relu = nth(nodes, 'Relu', 0);
        relu.opType = 'LeakyRelu';
        relu.attribute = [{ name: 'alpha', type: 1, f: 0.1 }];
      },
    ],
    [
      'other padding',
      /first layer that differs is full.layer2-0-conv1 .*pads 0,0,2,2/,
      (nodes) => {
        const strided = nodes.find((node) => node.opType === 'Conv' && `${attribute(node, 'strides').ints}` === '2,2')!;
        attribute(strided, 'pads').ints = [0, 0, 2, 2];
      },
    ],
    [
      'dilation',
      /first layer that differs is full.layer1-0-conv1 .*dilations 2,2/,
      (nodes) => {
        const conv = nth(nodes, 'Conv', 1);
        conv.attribute!.push({ name: 'dilations', type: 7, ints: [2, 2] });
        attribute(conv, 'pads').ints = [2, 2, 2, 2];
      },
    ],
    [
      'another epsilon',
      /first layer that differs is shared.bn1 .*epsilon 0.3/,
      (nodes) => {
        attribute(nth(nodes, 'BatchNormalization', 0), 'epsilon').f = 0.3;
      },
    ],
    [
      'other pooling at the end',
      /first layer that differs is full.fc .*ReduceMax/,
      (nodes) => {
        nth(nodes, 'ReduceMean', 0).opType = 'ReduceMax';
      },
    ],
  ])('is refused if the file has %s', async (_, message, change) => {
    await expect(importInto(resnet, fileOf(resnet, change))).rejects.toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(message) }),
    );
  });

  it('is refused if the file has other pooling in the middle', async () => {
    const path = fileOf(lenet, (nodes) => {
      const pool = nth(nodes, 'MaxPool', 1);
      pool.opType = 'AveragePool';
    });
    await expect(importInto(lenet, path)).rejects.toThrow(/first layer that differs is full.fc1 .*AveragePool/);
  });

  it('is refused if the file takes images of another size', async () => {
    const path = fileOf(lenet, (_, model) => {
      model.graph!.input![0].type!.tensorType!.shape!.dim![1].dimValue = 28;
    });
    await expect(importInto(lenet, path)).rejects.toThrow(
      /expected one input for images of 20x24x1, found .*28, 24, 1/,
    );
  });
});
