import fc from 'fast-check';
import { exitsOf, withExits } from '../src/base/exits.js';
import { normal, random } from '../src/base/random.js';
import type { NamedArrays } from '../src/base/tensors.js';
import {
  type Exit,
  type JointNetwork,
  type Layer,
  type Padding,
  type Shape,
  SMOOTH_ACTIVATIONS,
} from '../src/network/layers.js';
import { networkParameters } from '../src/network/parameters.js';
import { outputShape } from '../src/network/shapes.js';

/** A network with every layer type, strides, both paddings, sizes and channels that divide by nothing. */
export function smallNetwork(inputScale: boolean): JointNetwork {
  return {
    name: 'small',
    input: [9, 8, 2],
    classes: 3,
    shared: [
      { type: 'conv2d', name: 'conv1', filters: 5, kernel: 3, padding: 'same' },
      { type: 'max-pool', size: 2 },
    ],
    full: [
      { type: 'relu' },
      { type: 'conv2d', name: 'conv2', filters: 4, kernel: 3, stride: 2, padding: 'same' },
      { type: 'prelu', name: 'prelu2' },
      { type: 'batch-norm', name: 'bn2' },
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 3 },
    ],
    branch: [
      { type: 'batch-norm', name: 'bn1' },
      { type: 'binary-conv2d', name: 'conv2', filters: 7, kernel: 3, stride: 2, padding: 'same', inputScale },
      { type: 'batch-norm', name: 'bn2' },
      { type: 'prelu', name: 'prelu2' },
      { type: 'batch-norm', name: 'bn3' },
      { type: 'flatten' },
      { type: 'binary-dense', name: 'fc1', units: 6, inputScale },
      { type: 'batch-norm', name: 'bn4' },
      { type: 'relu' },
      { type: 'dense', name: 'fc2', units: 3 },
    ],
  };
}

/** A small network with two or three exits; the third shared part ends in a batch normalisation. */
export function severalExits(count: 2 | 3): JointNetwork {
  const answer: Layer = { type: 'dense', name: 'fc2', units: 3 };
  const further: Exit[] = [
    {
      shared: [
        { type: 'relu' },
        { type: 'conv2d', name: 'conv2', filters: 4, kernel: 3, padding: 'same' },
        { type: 'prelu', name: 'prelu2' },
      ],
      branch: [
        { type: 'batch-norm', name: 'bn1' },
        { type: 'binary-conv2d', name: 'conv3', filters: 9, kernel: 3 },
        { type: 'batch-norm', name: 'bn2' },
        { type: 'flatten' },
        answer,
      ],
    },
    {
      shared: [
        { type: 'max-pool', size: 2 },
        { type: 'batch-norm', name: 'bn3' },
      ],
      branch: [{ type: 'flatten' }, { type: 'binary-dense', name: 'fc1', units: 7 }, answer],
    },
  ];
  const { full, ...first } = smallNetwork(false);
  return { ...first, full: [{ type: 'relu' }, { type: 'flatten' }, answer], further: further.slice(0, count - 1) };
}

/** Layers that come from graphs of other networks. No binary layers: sums round in readers' own ways. */
export const graphLayers: JointNetwork = (() => {
  const layers = (n: number): Layer[] => [
    { type: 'shift', name: `shift${n}` },
    { type: 'scale', name: `scale${n}` },
    { type: 'conv2d', name: `conv${n}`, filters: 5, kernel: 3, padding: [0, 1, 2, 1] },
    { type: 'leaky-relu', slope: 0.1 },
    { type: 'average-pool', size: 3, stride: 2, padding: 1 },
    { type: 'hard-sigmoid' },
    { type: 'average-pool', size: 2, stride: 1, padding: [1, 0, 0, 1], countsPadding: true },
    { type: 'depthwise-conv2d', name: `depthwise${n}`, kernel: 3, padding: [1, 1, 0, 0] },
    { type: 'max-pool', size: 3, stride: 2, padding: [0, 0, 1, 1] },
  ];
  const answer: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', units: 4 }];
  return {
    name: 'graph',
    input: [11, 9, 3],
    classes: 4,
    shared: layers(1),
    full: [
      { type: 'silu' },
      {
        type: 'general-conv2d',
        name: 'grouped',
        filters: 10,
        kernel: [1, 2],
        dilations: [1, 2],
        padding: [0, 1, 1, 1],
        groups: 5,
      },
      { type: 'hard-swish' },
      {
        type: 'general-conv2d',
        name: 'dilated',
        filters: 4,
        kernel: [3, 2],
        strides: [1, 2],
        dilations: [2, 1],
        padding: [3, 0, 1, 1],
        bias: false,
      },
      ...answer,
    ],
    branch: answer,
  };
})();

const between = (min: number, max: number) => fc.integer({ min, max });
const windows = {
  stride: between(1, 3),
  padding: fc.constantFrom<Padding>('valid', 'same', 1, [0, 1, 2, 1]),
};
const floatLayer: fc.Arbitrary<Layer> = fc.oneof(
  fc.record({
    type: fc.constant('conv2d' as const),
    name: fc.constant(''),
    filters: between(1, 6),
    kernel: between(1, 4),
    ...windows,
  }),
  fc.record({ type: fc.constant('dense' as const), name: fc.constant(''), units: between(1, 9) }),
  fc.record({ type: fc.constant('max-pool' as const), size: between(1, 3), stride: between(1, 3) }),
  fc.constantFrom<Layer>(
    { type: 'batch-norm', name: '' },
    { type: 'prelu', name: '' },
    { type: 'shift', name: '' },
    { type: 'scale', name: '' },
    { type: 'leaky-relu', slope: 0.25 },
    { type: 'hard-tanh' },
    { type: 'relu' },
    { type: 'flatten' },
  ),
);
const pair = (min: number, max: number) => fc.tuple(between(min, max), between(min, max));
/** Layers whose results readers may round differently: nothing binary may follow. */
const roundingLayer: fc.Arbitrary<Layer> = fc.oneof(
  fc.record({
    type: fc.constant('average-pool' as const),
    size: between(2, 3),
    stride: between(1, 3),
    padding: fc.constantFrom<Padding>('valid', 'same', 1, [0, 1, 1, 0]),
    countsPadding: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('general-conv2d' as const),
    name: fc.constant(''),
    filters: between(1, 2).map((count) => 2 * count),
    kernel: pair(1, 4),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    padding: fc.tuple(between(0, 2), between(0, 2), between(0, 2), between(0, 2)),
    groups: between(1, 2),
    bias: fc.boolean(),
  }),
  fc.constantFrom<Layer>(...SMOOTH_ACTIVATIONS.map((type) => ({ type }))),
);
const scales = { inputScale: fc.boolean(), learnedScale: fc.boolean() };
const binaryLayer: fc.Arbitrary<Layer> = fc.oneof(
  fc.record({
    type: fc.constant('binary-conv2d' as const),
    name: fc.constant(''),
    filters: between(1, 12),
    kernel: between(1, 4),
    ...windows,
    ...scales,
  }),
  fc.record({ type: fc.constant('binary-dense' as const), name: fc.constant(''), units: between(1, 20), ...scales }),
);

const branchLayers = fc.array(fc.oneof(floatLayer, binaryLayer), { maxLength: 8 });

/** Networks of any layers in any order that fits, with up to three exits, for property tests. */
export const anyNetwork: fc.Arbitrary<JointNetwork> = fc
  .record({
    input: fc.tuple(between(6, 12), between(6, 12), between(1, 4)),
    classes: between(2, 5),
    shared: fc.array(floatLayer, { maxLength: 3 }),
    further: fc.array(fc.record({ shared: fc.array(floatLayer, { maxLength: 2 }), branch: branchLayers }), {
      maxLength: 2,
    }),
    full: fc.array(fc.oneof(floatLayer, roundingLayer), { maxLength: 5 }),
    branch: branchLayers,
  })
  .map(({ input, classes, ...lists }) => {
    const last: Layer = { type: 'dense', name: '', units: classes };
    let shape: Shape = input;
    const exits = exitsOf<Exit>(lists).map((exit): Exit => {
      const [shared, end] = fitted(exit.shared, shape);
      shape = end;
      return { shared, branch: fitted([...exit.branch, last], shape)[0] };
    });
    const [full] = fitted([...lists.full, last], shape);
    return { name: 'any', input, classes, full, ...withExits(exits) };
  });

/** Layers that fit, named by their places: flattened before a dense layer, without those that need an image too late. */
function fitted(layers: readonly Layer[], input: Shape): [Layer[], Shape] {
  const kept: Layer[] = [];
  let shape = input;
  const keep = (layer: Layer): void => {
    shape = outputShape(layer, shape);
    kept.push('name' in layer ? { ...layer, name: `${layer.type}${kept.length}` } : layer);
  };
  for (const layer of layers) {
    if (layer.type.endsWith('dense') && shape.length === 3) keep({ type: 'flatten' });
    try {
      keep(layer);
    } catch {} // a window larger than what is left, or features where it needs an image
  }
  return [kept, shape];
}

/** Random values for every parameter, none of them special; variances are positive, gammas of either sign. */
export function randomParameters(network: JointNetwork, seed: number): NamedArrays {
  return Object.fromEntries(
    networkParameters(network).map(({ name, shape, start }, i) => {
      const next = random(seed, i);
      const count = shape.reduce((product, size) => product * size, 1);
      const value = (): number => {
        const drawn = normal(next);
        if ('normal' in start) return drawn * start.normal;
        const middle = 'constant' in start ? start.constant : 0.1;
        return name.endsWith('.variance') ? 0.5 + Math.abs(drawn) : middle + 0.5 * drawn;
      };
      return [name, { shape, values: Float32Array.from({ length: count }, value) }];
    }),
  );
}
