import { normal, random } from '../../src/base/random.js';
import type { NamedArrays } from '../../src/base/tensors.js';
import type { Manifest } from '../../src/bundle/manifest.js';
import type { BundleDraft } from '../../src/bundle/write-bundle.js';
import { generateBundle } from '../../src/codegen/generate-bundle.js';
import { entryParts, entryPoints } from '../../src/export/entry-points.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT, tailModel } from '../../src/export/float-model.js';
import { lowerBranch } from '../../src/export/lower.js';
import type { DeviceProgram } from '../../src/export/program.js';
import { deployedState } from '../../src/network/deployed.js';
import type { JointNetwork, Layer } from '../../src/network/layers.js';
import { type ActivationRanges, inLevels, levelOutputs } from '../../src/network/levels.js';
import { featuresOf } from '../../src/network/shapes.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { initialState } from '../../src/train/initial-state.js';
import { incompressibleState } from '../table-1.js';

/** The branch of a network against the full network. */
export interface NetworkCase {
  readonly title: string;
  readonly network: string;
  readonly input: JointNetwork['input'];
  readonly classes: number;
  /** Layer behind which the branch begins. Default: conv1. */
  readonly attach?: string;
  /** 8: the shared layers are computed in levels. */
  readonly sharedBits?: number;
  /** The minimum ratio we want. */
  readonly goal: number;
}

/** Images that calibrate int8. Neither times nor results of this benchmark depend on them. */
const CALIBRATING = 2;

export const NETWORK_CASES: readonly NetworkCase[] = [
  { title: 'LeNet', network: 'lenet', input: [28, 28, 1], classes: 10, goal: 4 },
  { title: 'AlexNet-CIFAR', network: 'alexnet', input: [32, 32, 3], classes: 10, goal: 10 },
  { title: 'VGG16-CIFAR', network: 'vgg16', input: [32, 32, 3], classes: 10, goal: 9 },
  { title: 'ResNet18-CIFAR', network: 'resnet18', input: [32, 32, 3], classes: 10, goal: 9 },
  { title: 'ResNet18-224', network: 'resnet18', input: [224, 224, 3], classes: 1000, goal: 6 },
  {
    ...{ title: 'EfficientNet-Lite0-224', network: 'tf-efficientnet-lite0', input: [224, 224, 3], classes: 100 },
    ...{ attach: 'stage4-2', sharedBits: 8, goal: 5 },
  },
];

/**
 * A bundle with random weights (no kernel's time depends on them, and they compress like trained ones), the full network
 * as ONNX, and the branch with float layers.
 */
export function buildCase({ network: name, input, classes, attach, sharedBits }: NetworkCase): {
  readonly network: JointNetwork;
  readonly state: NamedArrays;
  readonly program: DeviceProgram;
  readonly bundle: BundleDraft;
  readonly full: Uint8Array;
  readonly floatBranch: Uint8Array;
  /** A few random images, for the value ranges of int8. */
  readonly images: Float32Array;
} {
  const trained = createNetwork(name, input, classes, { attach, sharedBits });
  const floats = deployedState(trained, { ...initialState(trained, 'momentum', 1), ...incompressibleState(trained) });
  const { network, state } = inLevels(trained, floats, anyRanges(trained));
  const program = lowerBranch(network, state);
  const mean = input.slice(2).flatMap((n) => Array<number>(n).fill(0));
  const image: Manifest['input'] = { shape: [...input], mean, std: mean.map(() => 1) };
  const bundle = generateBundle(program, {
    name,
    network: name,
    dataset: 'none',
    input: image,
    labels: Array.from({ length: classes }, (_, i) => String(i)),
    tau: 0.1,
    tail: { model: tailModel(network, state), input: TAIL_INPUT, output: TAIL_OUTPUT },
    ...entryPoints(entryParts(network, image, {}), network, state, name),
    samples: [],
    provenance: {},
  });
  const branch = floatModel({ ...trained, branch: inFloat(trained.branch) }, withBiases(floats), ['shared', 'branch']);
  const next = random(1);
  const images = Float32Array.from({ length: CALIBRATING * featuresOf(input) }, () => normal(next));
  const full = floatModel(trained, floats, ['shared', 'full']);
  return { network: trained, state, program, bundle, full, floatBranch: branch, images };
}

/** No kernel's time depends on the ranges of activations. */
const anyRanges = (network: JointNetwork): ActivationRanges =>
  Object.fromEntries(['image', ...levelOutputs(network).outputs.values()].map((name) => [name, [0, 6]]));

/** Replaces every binary layer with the float layer of the same shape. */
function inFloat(layers: readonly Layer[]): Layer[] {
  return layers.map((layer) => {
    switch (layer.type) {
      case 'binary-conv2d': {
        const { name, filters, kernel, stride, padding } = layer;
        return { type: 'conv2d', name, filters, kernel, stride, padding, bias: false };
      }
      case 'binary-dense':
        return { type: 'dense', name: layer.name, units: layer.units };
      case 'residual':
        return { ...layer, body: inFloat(layer.body), shortcut: inFloat(layer.shortcut) };
      default:
        return layer;
    }
  });
}

/** Float dense layers have a bias, binary ones don't. */
function withBiases(state: NamedArrays): NamedArrays {
  const biases = Object.entries(state).flatMap(([name, { shape }]) => {
    const units = shape.at(-1)!;
    const bias = name.replace(/kernel$/, 'bias');
    return shape.length === 2 && !(bias in state) ? [[bias, { values: new Float32Array(units), shape: [units] }]] : [];
  });
  return { ...state, ...Object.fromEntries(biases) };
}
