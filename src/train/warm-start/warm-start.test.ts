import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { randomParameters } from '../../../test/small-network.js';
import { toHalf } from '../../base/half.js';
import { random } from '../../base/random.js';
import { encodeSafetensors, floatTensor } from '../../base/safetensors.js';
import type { NamedArray, NamedArrays } from '../../base/tensors.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT } from '../../export/float-model.js';
import type { JointNetwork, Layer } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import { createNetwork } from '../../network/zoo/index.js';
import { createGraph } from '../../onnx/graph.js';
import { writeCheckpoint } from '../../run/checkpoint.js';
import { initialState } from '../initial-state.js';
import { pytorchNames } from './pytorch-names.js';
import { readSource } from './source.js';
import { type WarmStart, warmStart } from './warm-start.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-warm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fullNames = (network: JointNetwork): string[] =>
  networkParameters(network)
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('branch.'));

function warm(network: JointNetwork, path: string): WarmStart & { state: NamedArrays } {
  const state = initialState(network, 'adam', 1);
  return { ...warmStart(state, network, readSource(path)), state };
}

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function logits(network: JointNetwork, state: NamedArrays): Promise<number[]> {
  const session = await InferenceSession.create(floatModel(network, state, ['shared', 'full']));
  const image = new Tensor('float32', floats(random(3), featuresOf(network.input)), [1, ...network.input]);
  const { [TAIL_OUTPUT]: found } = await session.run({ [TAIL_INPUT]: image });
  await session.release();
  return [...(found.data as Float32Array)];
}

const lenet = createNetwork('lenet', [20, 24, 1], 4, { width: 0.2 });
const resnet = createNetwork('resnet18', [12, 12, 3], 4, { width: 0.05 });
const mobilenet = createNetwork('mobilenet-v2', [32, 32, 3], 4, { width: 0.1 });
const vgg = createNetwork('vgg16', [66, 66, 3], 4, { width: 0.03 });

describe.each([lenet, resnet, mobilenet])('$name', (network) => {
  const trained = randomParameters(network, 5);

  it('starts from its own full network as ONNX, and gives the same logits', async () => {
    const path = write(`${network.name}.onnx`, floatModel(network, trained, ['shared', 'full']));
    const { state, missing, leftOver } = warm(network, path);
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of fullNames(network)) expect(state[name], name).toEqual(trained[name]);
    expect(await logits(network, state)).toEqual(await logits(network, trained));
  });

  it('starts from a checkpoint, wherever its branch leaves, and leaves branch and optimiser alone', () => {
    const path = join(folder, `${network.name}.safetensors`);
    const start = initialState(network, 'adam', 1);
    const progress = { epoch: 1, step: 0, totalSteps: 9, fullLoss: 0, branchLoss: 0, fullHits: 0, branchHits: 0 };
    writeCheckpoint(path, { progress, state: { ...start, ...trained } });
    const { state, missing, leftOver } = warm(network, path);
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of Object.keys(state)) {
      expect(state[name], name).toEqual(/^(shared|full)\./.test(name) ? trained[name] : start[name]);
    }
  });
});

/** Our parameters as torchvision would save them: its names, its order of axes, flattened features channels first. */
function asPytorch(network: JointNetwork, state: NamedArrays, image?: readonly number[]): NamedArrays {
  const entries = fullNames(network).map((name): [string, NamedArray] => {
    const [, layer, parameter] = name.split('.');
    const { shape, values } = state[name];
    const kinds: Record<string, string> = { mean: 'running_mean', variance: 'running_var', bias: 'bias', beta: 'bias' };
    const found = `${pytorchNames(network, layer)[0]}.${kinds[parameter] ?? 'weight'}`;
    if (parameter !== 'kernel') return [found, state[name]];
    if (shape.length === 4) {
      const [h, w, i, o] = shape;
      const [filters, channels] = o === 1 && layer.endsWith('depthwise') ? [i, 1] : [o, i];
      const turned = new Float32Array(values.length);
      for (let f = 0, at = 0; f < filters; f++)
        for (let c = 0; c < channels; c++)
          for (let tap = 0; tap < h * w; tap++) turned[at++] = values[(tap * channels + c) * filters + f];
      return [found, { shape: [filters, channels, h, w], values: turned }];
    }
    const [inputs, units] = shape;
    const places = image && inputs === featuresOf(image as [number]) ? image[0] * image[1] : 1;
    const channels = inputs / places;
    const turned = new Float32Array(values.length);
    for (let unit = 0, at = 0; unit < units; unit++)
      for (let c = 0; c < channels; c++)
        for (let place = 0; place < places; place++) turned[at++] = values[(place * channels + c) * units + unit];
    return [found, { shape: [units, inputs], values: turned }];
  });
  return Object.fromEntries(entries);
}

const safetensors = (arrays: NamedArrays): Uint8Array => {
  const counter = { dtype: 'I64', shape: [], bytes: new Uint8Array(8) } as const;
  const tensors = Object.fromEntries(Object.entries(arrays).map(([n, a]) => [n, floatTensor(a.shape, a.values)]));
  return encodeSafetensors({ tensors: { ...tensors, 'bn1.num_batches_tracked': counter }, metadata: {} });
};

describe('PyTorch', () => {
  it.each([
    [resnet, undefined],
    [mobilenet, undefined],
    [lenet, [2, 3, 10]],
    [vgg, [2, 2, 15]],
  ] as const)('weights of $name, axes and flattened features turned', (network, image) => {
    const trained = randomParameters(network, 6);
    const path = write(`torch-${network.name}.safetensors`, safetensors(asPytorch(network, trained, image)));
    const { state, missing, leftOver } = warm(network, path);
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of fullNames(network)) expect(state[name], name).toEqual(trained[name]);
  });

  // As `torchvision.models.X().state_dict()` prints them.
  it.each([
    ['alexnet', 'conv5', 'features.10'],
    ['alexnet', 'fc3', 'classifier.6'],
    ['vgg16', 'conv13', 'features.28'],
    ['vgg16', 'fc2', 'classifier.3'],
    ['resnet50', 'bn1', 'bn1'],
    ['resnet50', 'layer3-5-conv3', 'layer3.5.conv3'],
    ['resnet50', 'layer2-0-downsample', 'layer2.0.downsample.0'],
    ['resnet50', 'layer2-0-downsample-bn', 'layer2.0.downsample.1'],
    ['mobilenet-v2', 'stage1-0-depthwise', 'features.1.conv.0.0'],
    ['mobilenet-v2', 'stage1-0-project-bn', 'features.1.conv.2'],
    ['mobilenet-v2', 'stage2-1-expand-bn', 'features.3.conv.0.1'],
    ['mobilenet-v2', 'stage7-0-project', 'features.17.conv.2'],
    ['mobilenet-v2', 'conv2-bn', 'features.18.1'],
    ['vgg19-bn', 'bn16', 'features.50'],
    ['vgg11', 'conv8', 'features.18'],
    ['efficientnet-lite0', 'stage3-1-depthwise', 'blocks.2.1.conv_dw'],
    ['tf-efficientnet-lite0', 'conv2-bn', 'bn2'],
  ])('of %s calls %s %s', (name, layer, expected) => {
    expect(pytorchNames(createNetwork(name, [224, 224, 3], 1000), layer)[0]).toBe(expected);
  });

  // As timm's models name them, and the ResNets for CIFAR that most repositories have.
  it.each([
    ['vgg16', 'fc2', 'pre_logits.fc2'],
    ['vgg16', 'fc3', 'head.fc'],
    ['mobilenet-v2', 'conv1', 'conv_stem'],
    ['mobilenet-v2', 'conv2-bn', 'bn2'],
    ['mobilenet-v2', 'fc', 'classifier'],
    ['mobilenet-v2', 'stage1-0-depthwise-bn', 'blocks.0.0.bn1'],
    ['mobilenet-v2', 'stage1-0-project', 'blocks.0.0.conv_pw'],
    ['mobilenet-v2', 'stage3-2-expand', 'blocks.2.2.conv_pw'],
    ['mobilenet-v2', 'stage3-2-project-bn', 'blocks.2.2.bn3'],
    ['resnet18', 'layer2-0-downsample-bn', 'layer2.0.shortcut.1'],
    ['resnet18', 'fc', 'linear'],
    ['resnet50', 'conv1', 'resnet.embedder.embedder.convolution', 3],
    ['resnet50', 'layer3-5-bn3', 'encoder.stages.2.layers.5.layer.2.normalization', 2],
    ['resnet50', 'layer2-0-downsample-bn', 'encoder.stages.1.layers.0.shortcut.normalization', 2],
    ['resnet50', 'fc', 'classifier.1', 2],
  ])('of %s elsewhere calls %s %s', (name, layer, expected, index: number = 1) => {
    expect(pytorchNames(createNetwork(name, [224, 224, 3], 1000), layer)[index]).toBe(expected);
  });

  it.each([
    'module.',
    'state_dict.model.',
    '_orig_mod.module.',
    'model.backbone.',
    'net.',
  ])('weights behind the prefix %s of a wrapper', (prefix) => {
    const trained = randomParameters(resnet, 6);
    const arrays = Object.entries(asPytorch(resnet, trained)).map(([name, array]) => [`${prefix}${name}`, array]);
    const { state, missing, leftOver } = warm(
      resnet,
      write('wrapped.safetensors', safetensors(Object.fromEntries(arrays))),
    );
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of fullNames(resnet)) expect(state[name], name).toEqual(trained[name]);
  });

  it('refuses a file of two networks', () => {
    const named = (seed: number, prefix: string) =>
      Object.entries(asPytorch(resnet, randomParameters(resnet, seed))).map(([name, array]) => [
        `${prefix}${name}`,
        array,
      ]);
    const both = Object.fromEntries([...named(6, 'model.'), ...named(7, 'backbone.')]);
    expect(() => warm(resnet, write('two.safetensors', safetensors(both)))).toThrow(
      /expected one network, found model\.conv1\.weight and backbone\.conv1\.weight/,
    );
  });

  it('the moving average of the weights, if the file holds both', () => {
    const [last, average] = [randomParameters(resnet, 6), randomParameters(resnet, 7)];
    const named = (state: NamedArrays, prefix: string) =>
      Object.entries(asPytorch(resnet, state)).map(([name, array]) => [`${prefix}${name}`, array]);
    const both = Object.fromEntries([...named(last, 'model.'), ...named(average, 'model_ema.module.')]);
    const { state, missing, leftOver } = warm(resnet, write('ema.safetensors', safetensors(both)));
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of fullNames(resnet)) expect(state[name], name).toEqual(average[name]);
  });

  it.each([
    ['F16', (values: Float32Array) => Uint16Array.from(values, toHalf)],
    ['BF16', (values: Float32Array) => Uint16Array.from(new Uint32Array(values.slice().buffer), (bits) => bits >> 16)],
    ['F64', (values: Float32Array) => Float64Array.from(values)],
  ] as const)('numbers stored as %s', (dtype, stored) => {
    // Multiples of 1/8 are exact in every one of these types.
    const trained = Object.fromEntries(
      Object.entries(randomParameters(resnet, 6)).map(([name, { shape, values }]) => [
        name,
        { shape, values: values.map((value) => Math.max(-8, Math.min(8, Math.round(8 * value) / 8))) },
      ]),
    );
    const tensors = Object.entries(asPytorch(resnet, trained)).map(([name, { shape, values }]) => {
      const array = stored(values);
      return [name, { dtype, shape, bytes: new Uint8Array(array.buffer) }] as const;
    });
    const file = encodeSafetensors({ tensors: Object.fromEntries(tensors), metadata: {} });
    const { state, missing } = warm(resnet, write(`${dtype}.safetensors`, file));
    expect(missing).toEqual([]);
    for (const name of fullNames(resnet)) expect(state[name], name).toEqual(trained[name]);
  });

  it('may keep dense layers as convolutions', () => {
    const trained = randomParameters(vgg, 6);
    const arrays = asPytorch(vgg, trained, [2, 2, 15]);
    const { 'classifier.0.weight': dense } = arrays;
    const asConvolution = { shape: [dense.shape[0], 15, 2, 2], values: dense.values };
    const file = safetensors({ ...arrays, 'classifier.0.weight': asConvolution });
    const { state, missing, leftOver } = warm(vgg, write('convolutions.safetensors', file));
    expect([missing, leftOver]).toEqual([[], []]);
    for (const name of fullNames(vgg)) expect(state[name], name).toEqual(trained[name]);
  });
});

describe('an ONNX model of another exporter', () => {
  const layers: Layer[] = [
    { type: 'conv2d', name: 'conv1', filters: 3, kernel: 3, bias: false },
    { type: 'batch-norm', name: 'bn1' },
  ];
  const full: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', units: 2 }];
  const small: JointNetwork = { name: 'small', input: [6, 5, 2], classes: 2, shared: layers, full, branch: full };

  it('may have folded batch normalisation, flatten channels first, and keep kernels turned or as MatMul', async () => {
    const [w, b] = [floats(random(1), 3 * 2 * 9), floats(random(2), 3)];
    const [dense, bias] = [floats(random(3), 2 * 36), floats(random(4), 2)];
    for (const matMul of [false, true]) {
      const graph = createGraph();
      const x = graph.input('shared', 'float32', ['batch', 2, 6, 5]);
      const conv = graph.node('Conv', [x, graph.floats(w, [3, 2, 3, 3]), graph.floats(b, [3])], {
        kernel_shape: [3, 3],
      });
      const flat = graph.node('Flatten', [conv], { axis: 1 });
      const product = matMul
        ? graph.node('Add', [graph.node('MatMul', [flat, graph.floats(dense, [36, 2])]), graph.floats(bias, [2])])
        : graph.node('Gemm', [flat, graph.floats(dense, [2, 36]), graph.floats(bias, [2])], { transB: 1 });
      graph.output('logits', product, 'float32', ['batch', 2]);
      const model = graph.encode('other');
      const { state, missing, leftOver } = warm(small, write('other.onnx', model));
      expect([missing, leftOver]).toEqual([[], []]);

      const image = floats(random(5), 60);
      const turned = image.map((_, i) => image[(i % 30) * 2 + Math.floor(i / 30)]);
      const session = await InferenceSession.create(model);
      const want = await session.run({ shared: new Tensor('float32', turned, [1, 2, 6, 5]) });
      const ours = await InferenceSession.create(floatModel(small, state, ['shared', 'full']));
      const got = await ours.run({ [TAIL_INPUT]: new Tensor('float32', image, [1, 6, 5, 2]) });
      (want.logits.data as Float32Array).forEach((value, i) => {
        expect(got[TAIL_OUTPUT].data[i]).toBeCloseTo(value, 4);
      });
    }
  });
});

describe('a convolution that the exporter folded a normalisation into', () => {
  it.each([true, false])('computes the same if ours has a bias itself: %s', async (bias) => {
    const shared: Layer[] = [
      { type: 'conv2d', name: 'conv1', filters: 3, kernel: 3, ...(bias ? {} : { bias }) },
      { type: 'batch-norm', name: 'bn1' },
    ];
    const full: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', units: 2 }];
    const network: JointNetwork = { name: 'folded', input: [6, 5, 2], classes: 2, shared, full, branch: full };
    const folded = { ...network, shared: [{ type: 'conv2d', name: 'conv1', filters: 3, kernel: 3 } as const] };
    const model = floatModel(folded, randomParameters(folded, 8), ['shared', 'full']);
    const { state, missing } = warm(network, write('folded.onnx', model));
    expect(missing).toEqual([]);
    const image = new Tensor('float32', floats(random(5), 60), [1, 6, 5, 2]);
    const [want, got] = await Promise.all(
      [model, floatModel(network, state, ['shared', 'full'])].map(async (bytes) => {
        const session = await InferenceSession.create(bytes);
        return (await session.run({ [TAIL_INPUT]: image }))[TAIL_OUTPUT].data as Float32Array;
      }),
    );
    want.forEach((value, i) => {
      expect(got[i]).toBeCloseTo(value, 4);
    });
  });
});

describe('a warm start', () => {
  const trained = randomParameters(lenet, 7);
  const onnx = floatModel(lenet, trained, ['shared', 'full']);

  it('leaves a last layer for other classes at its start, and lists it', () => {
    const other = createNetwork('lenet', [20, 24, 1], 6, { width: 0.2 });
    const { missing, leftOver, taken } = warm(other, write('classes.onnx', onnx));
    expect(taken).toEqual(['shared.conv1', 'full.conv2', 'full.fc1']);
    expect(missing).toEqual(['full.fc2']);
    expect(leftOver).toEqual([]);
  });

  it('lists what is missing and what is left over', () => {
    const arrays = asPytorch(lenet, trained, [2, 3, 10]);
    const { 'conv2.weight': _, 'conv2.bias': __, ...rest } = arrays;
    const { missing, leftOver } = warm(
      lenet,
      write('part.safetensors', safetensors({ ...rest, 'aux.weight': rest['fc2.bias'] })),
    );
    expect(missing).toEqual(['full.conv2']);
    expect(leftOver).toEqual(['aux']);
  });

  const wide = createNetwork('lenet', [20, 24, 1], 4, { width: 0.4 });
  const broken = {
    ...trained,
    'full.fc1.bias': { ...trained['full.fc1.bias'], values: trained['full.fc1.bias'].values.map(() => Number.NaN) },
  };
  it.each<[string, string, Uint8Array | string, RegExp]>([
    [
      'another shape',
      'wide.onnx',
      floatModel(wide, randomParameters(wide, 1), ['shared', 'full']),
      /expected shared.conv1.kernel of shape \[5,5,1,4\] for lenet, found shape \[5,5,1,8\]/,
    ],
    [
      'another network',
      'resnet.onnx',
      floatModel(resnet, randomParameters(resnet, 1), ['shared', 'full']),
      /expected full.conv2 \(conv2d\) in its place, found .* \(batch-norm\)/,
    ],
    [
      'another network',
      'resnet.safetensors',
      safetensors({ 'layer1.0.conv1.weight': trained['full.fc1.bias'] }),
      /expected layers of lenet .* found layer1.0.conv1/,
    ],
    ['NaN', 'nan.onnx', floatModel(lenet, broken, ['shared', 'full']), /expected finite numbers in full.fc1.bias/],
    [
      'half precision of another shape',
      'half.safetensors',
      encodeSafetensors({
        tensors: { 'conv1.weight': { dtype: 'F16', shape: [1], bytes: new Uint8Array(2) } },
        metadata: {},
      }),
      /expected shared.conv1.kernel of shape .* found shape \[1\]/,
    ],
    ['text', 'text.onnx', 'no model at all', /expected an ONNX model, found something else/],
    ['text', 'text.safetensors', 'no model at all', /expected a safetensors file/],
    ['nothing', 'empty.onnx', '', /expected an ONNX model/],
  ])('from %s is refused (%s)', (_, name, content, message) => {
    expect(() => warm(lenet, write(name, content))).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(message) }),
    );
  });

  it('from a model cut at any length, or with any byte changed, works or gives a clear error', () => {
    const next = random(9);
    const attempt = (bytes: Uint8Array): void => {
      try {
        warm(lenet, write('hostile.onnx', bytes));
      } catch (thrown) {
        expect((thrown as Error).name, String(thrown)).toBe('UserError');
      }
    };
    for (let i = 0; i < 40; i++) attempt(onnx.subarray(0, Math.floor(next() * onnx.length)));
    for (let i = 0; i < 80; i++) {
      const changed = onnx.slice();
      // Half of the changes near the ends, which hold names and shapes.
      const at = Math.floor(i % 2 ? next() * changed.length : next() * 300);
      changed[at] = Math.floor(next() * 256);
      attempt(changed);
    }
    expect(readFileSync(join(folder, 'hostile.onnx')).length).toBe(onnx.length);
  });
});
