import { exitsOf } from '../base/exits.js';
import { sharedKernels } from './deployed.js';
import { isBranch, type JointNetwork, type Part, type Shape, unknownLayer } from './layers.js';
import { layerParameters } from './parameters.js';
import { channelsOf, featuresOf, flattenChains, type PlacedLayer, placeLayers } from './shapes.js';

/**
 * Cost of one layer per image. Bytes of the deployed layer: 4 per float, 1/8 per binary weight, 1 per weight of the branch's
 * last layer and of shared kernels in 8 bits.
 */
export interface LayerCost {
  readonly part: Part;
  readonly type: string;
  readonly name: string;
  readonly input: Shape;
  readonly output: Shape;
  readonly floatParameters: number;
  readonly binaryWeights: number;
  readonly bytes: number;
  /** Float multiply-accumulate operations. */
  readonly macs: number;
  /** Binary multiply-accumulate operations (xor + popcount). */
  readonly binaryOps: number;
}

export type CostTotal = Pick<LayerCost, 'floatParameters' | 'binaryWeights' | 'bytes' | 'macs' | 'binaryOps'>;

export interface NetworkCost {
  readonly layers: readonly LayerCost[];
  /** The whole full network, conv1 included, as in the paper's Table 1. */
  readonly full: CostTotal;
  /** conv1 and the branch (all branches, with several exits): what the device downloads and computes. */
  readonly device: CostTotal;
  /** Cost on the device of an image that exits early at each exit: everything up to that exit. The last is `device`. */
  readonly exits: readonly CostTotal[];
}

/** The cost of a network, layer by layer. Running statistics don't count as parameters, as usual in the literature. */
export function networkCost(network: JointNetwork): NetworkCost {
  const lasts = new Set(network.floatExits ? [] : exitsOf(network).map(({ branch }) => branch.at(-1)));
  const shared = new Set(sharedKernels(network).map(({ name }) => name));
  const layers = flattenChains(placeLayers(network)).map((placed) => {
    const { part, layer } = placed;
    const inSteps =
      (isBranch(part) && lasts.has(layer)) || ('name' in layer && shared.has(`${part}.${layer.name}.kernel`));
    return inSteps ? asDeployed(layerCost(placed), placed) : layerCost(placed);
  });
  const total = (counts: (part: Part) => boolean): CostTotal =>
    layers
      .filter(({ part }) => counts(part))
      .reduce<CostTotal>(
        (sum, layer) => ({
          floatParameters: sum.floatParameters + layer.floatParameters,
          binaryWeights: sum.binaryWeights + layer.binaryWeights,
          bytes: sum.bytes + layer.bytes,
          macs: sum.macs + layer.macs,
          binaryOps: sum.binaryOps + layer.binaryOps,
        }),
        { floatParameters: 0, binaryWeights: 0, bytes: 0, macs: 0, binaryOps: 0 },
      );
  const exits = exitsOf(network).map((_, i) => total((part) => part !== 'full' && exitOf(part) <= i));
  return { layers, full: total((part) => !isBranch(part)), device: exits[exits.length - 1], exits };
}

/** A layer with its kernel in steps: a byte per weight, a float scale and a float bias (if it has one) per filter. */
function asDeployed(cost: LayerCost, { layer, output }: PlacedLayer): LayerCost {
  const filters = channelsOf(output);
  const hasBias = layer.type === 'dense' || (layer.type === 'conv2d' && layer.bias !== false);
  const biases = hasBias ? filters : 0;
  return { ...cost, bytes: cost.floatParameters - biases + 4 * filters + 4 * biases };
}

/** Index of the exit that a part belongs to. */
const exitOf = (part: Part): number => Number(/\d+$/.exec(part)?.[0] ?? 1) - 1;

/** The cost of a layer itself, without the layers inside a residual layer. */
export function layerCost(placed: PlacedLayer): LayerCost {
  const { part, layer, input, output } = placed;
  const parameters = layerParameters(placed);
  const count = (latent: boolean): number =>
    parameters
      .filter(({ role }) => role !== 'statistic' && (role === 'latent') === latent)
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const binaryWeights = count(true);
  // A binary layer's α is a float per filter (a learned one is already counted).
  const floatParameters = count(false);
  const alphas = binaryWeights > 0 && floatParameters === 0 ? output[output.length - 1] : 0;
  return {
    part,
    type: layer.type,
    name: 'name' in layer ? layer.name : '',
    input,
    output,
    floatParameters,
    binaryWeights,
    bytes: 4 * (floatParameters + alphas) + Math.ceil(binaryWeights / 8),
    ...operations(placed),
  };
}

function operations({ layer, input, output }: PlacedLayer): { macs: number; binaryOps: number } {
  const values = featuresOf(output);
  switch (layer.type) {
    case 'conv2d':
      return { macs: values * layer.kernel * layer.kernel * input[input.length - 1], binaryOps: 0 };
    case 'level-conv2d':
      return {
        macs: values * layer.kernel * layer.kernel * (layer.depthwise ? 1 : input[input.length - 1]),
        binaryOps: 0,
      };
    case 'general-conv2d': {
      const [height, width] = layer.kernel;
      return { macs: (values * height * width * input[input.length - 1]) / (layer.groups ?? 1), binaryOps: 0 };
    }
    case 'depthwise-conv2d':
      return { macs: values * layer.kernel * layer.kernel, binaryOps: 0 };
    case 'binary-conv2d': {
      const window = layer.kernel * layer.kernel * input[input.length - 1];
      const scaling = layer.inputScale ? 2 * values : values;
      return { macs: scaling, binaryOps: values * window };
    }
    case 'dense':
      return { macs: values * featuresOf(input), binaryOps: 0 };
    case 'binary-dense':
      return { macs: layer.inputScale ? 2 * values : values, binaryOps: values * featuresOf(input) };
    case 'batch-norm':
    case 'prelu':
    case 'scale':
    case 'leaky-relu':
    case 'sigmoid':
    case 'tanh':
    case 'silu':
    case 'hard-sigmoid':
    case 'hard-swish':
      return { macs: values, binaryOps: 0 };
    case 'quantise':
    case 'shift': // an addition
    case 'hard-tanh':
    case 'relu':
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'repeat-channels':
    case 'flatten':
    case 'residual':
      return { macs: 0, binaryOps: 0 };
    default:
      return unknownLayer(layer);
  }
}
