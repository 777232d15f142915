import { brotliCompressSync, constants as zlib } from 'node:zlib';
import { random } from '../src/base/random.js';
import type { NamedArrays } from '../src/base/tensors.js';
import { encodeWeights } from '../src/codegen/weights.js';
import { lowerBranch } from '../src/export/lower.js';
import { networkCost } from '../src/network/cost.js';
import { deployedState } from '../src/network/deployed.js';
import type { JointNetwork } from '../src/network/layers.js';
import { networkParameters, type Parameter } from '../src/network/parameters.js';
import { createNetwork, type ZooNetworkOptions } from '../src/network/zoo/index.js';

/** A row of the paper's Table 1: its network, and the printed sizes in "MB". */
export interface Row {
  readonly title: string;
  readonly network: string;
  readonly input: JointNetwork['input'];
  readonly classes: number;
  readonly options?: ZooNetworkOptions;
  readonly fullInPrint: number;
  readonly branchInPrint: number;
}

const MNIST: JointNetwork['input'] = [28, 28, 1];
const CIFAR: JointNetwork['input'] = [32, 32, 3];
const IMAGENET: JointNetwork['input'] = [224, 224, 3];
const row = (
  title: string,
  network: string,
  input: JointNetwork['input'],
  classes: number,
  [fullInPrint, branchInPrint]: [number, number],
  options?: ZooNetworkOptions,
): Row => ({ title, network, input, classes, options, fullInPrint, branchInPrint });

export const TABLE_1: readonly Row[] = [
  row('LeNet, MNIST', 'lenet', MNIST, 10, [1.7, 0.103]),
  row('LeNet, Fashion-MNIST', 'lenet', MNIST, 10, [1.695, 0.102]),
  row('AlexNet, CIFAR-10', 'alexnet', CIFAR, 10, [90.911, 3.3]),
  row('AlexNet, CIFAR-100', 'alexnet', CIFAR, 100, [92.351, 3.5]),
  row('AlexNet, ImageNet, 150 classes', 'alexnet', IMAGENET, 150, [242.3, 8]),
  row('ResNet18, CIFAR-10', 'resnet18', CIFAR, 10, [43.705, 1.6]),
  row('ResNet18, CIFAR-100', 'resnet18', CIFAR, 100, [43.885, 1.7]),
  row('ResNet18, ImageNet, 150 classes', 'resnet18', IMAGENET, 150, [44.1, 1.9]),
  row('VGG16, CIFAR-10', 'vgg16', CIFAR, 10, [59.0, 2.0]),
  row('VGG16, CIFAR-100', 'vgg16', CIFAR, 100, [59.759, 2.1]),
  row('VGG16, ImageNet, 150 classes', 'vgg16', IMAGENET, 150, [523.8, 14.9]),
  row('the same, `--branch conv=12,fc=0`', 'vgg16', IMAGENET, 150, [523.8, 14.9], { branch: { conv: 12, fc: 0 } }),
];

export interface Sizes {
  /** The full network's float parameters, 4 bytes each. */
  readonly full: number;
  /** Packed signs of the branch. */
  readonly signs: number;
  /** weights.safetensors before compression: conv1 and the branch, with one byte per weight of its last layer. */
  readonly device: number;
  /** Weights of that last layer; each is a whole number of steps (`deployedState`). */
  readonly steps: number;
}

export const networkOfRow = ({ network, input, classes, options }: Row): JointNetwork =>
  createNetwork(network, input, classes, options);

/** The sizes of a row, counted without compression. */
export function countSizes(row: Row): Sizes {
  const { full, device, layers } = networkCost(networkOfRow(row));
  const steps = layers.at(-1)!.floatParameters - row.classes;
  return { full: full.bytes, signs: Math.ceil(device.binaryWeights / 8), device: device.bytes, steps };
}

/**
 * Bytes of weights.safetensors after brotli, for a random state that compresses like a trained one.
 *
 * @param quality of brotli: 11 takes seconds, and makes a file that is hardly smaller than 5 does
 */
export function measureDownload(row: Row, quality = 11): number {
  const network = networkOfRow(row);
  const { constants } = lowerBranch(network, deployedState(network, incompressibleState(network)));
  const params = { [zlib.BROTLI_PARAM_QUALITY]: quality };
  return brotliCompressSync(encodeWeights(constants), { params }).length;
}

/** A state for a device program in which every sign and every float is random, so none can be predicted from others. */
export function incompressibleState(network: JointNetwork): NamedArrays {
  return Object.fromEntries(
    networkParameters(network)
      .filter(({ name }) => !name.startsWith('full.'))
      .map((parameter, i) => [parameter.name, { shape: parameter.shape, values: drawn(parameter, random(1, i)) }]),
  );
}

function drawn({ shape, role, start }: Parameter, next: () => number): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  // The sum of three is close enough to a normal distribution, and fast for 134 million latent weights.
  const spread = 'normal' in start ? start.normal : 0.3;
  const centre = 'normal' in start ? 0 : 'constant' in start ? start.constant : 0.1;
  for (let i = 0; i < values.length; i++) {
    const value = role === 'latent' ? next() - 0.5 : 2 * (next() + next() + next() - 1.5);
    values[i] = role === 'statistic' ? centre + Math.abs(value) : centre + spread * value;
  }
  return values;
}
