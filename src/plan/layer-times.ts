import type { LayerCost } from '../network/cost.js';
import { featuresOf } from '../network/shapes.js';

/** Layers whose time is told apart. `other` is what stands between them: pools, and packing values to signs. */
export const LAYER_KINDS = ['conv2d', 'depthwise-conv2d', 'dense', 'binary-conv2d', 'binary-dense', 'other'] as const;
export type LayerKind = (typeof LAYER_KINDS)[number];

/** What a machine needs, in ns. */
export interface Rate {
  /** Of a layer, whatever its size. */
  readonly layer: number;
  /** Of a multiplication with addition, in float or binary. */
  readonly operation: number;
  /** Of a value that a layer gives; for `other`, of a value that is read. */
  readonly value: number;
}

export type Rates = Readonly<Record<LayerKind, Rate>>;

/** What a kind of layer has to do. */
export interface Work {
  readonly kind: LayerKind;
  readonly operations: number;
  readonly values: number;
}

/**
 * The work of a layer. Batch normalisation, activations and shortcuts are free: kernels and ONNX Runtime do them behind
 * the sums of the layer before.
 */
export function workOf({ type, input, output, macs, binaryOps }: LayerCost): Work[] {
  const read: Work = { kind: 'other', operations: 0, values: featuresOf(input) };
  switch (type) {
    case 'conv2d':
    case 'depthwise-conv2d':
    case 'dense':
      return [{ kind: type, operations: macs, values: featuresOf(output) }];
    case 'binary-conv2d':
    case 'binary-dense':
      return [read, { kind: type, operations: binaryOps, values: featuresOf(output) }];
    case 'max-pool':
    case 'average-pool':
    case 'global-average-pool':
    case 'repeat-channels':
      return [read];
    default:
      return [];
  }
}

/** Estimated time of these layers, in ms. */
export function layersMs(layers: readonly LayerCost[], rates: Rates): number {
  return layers.flatMap(workOf).reduce((sum, work) => sum + workMs(work, rates), 0);
}

export const workMs = ({ kind, operations, values }: Work, rates: Rates): number =>
  (rates[kind].layer + operations * rates[kind].operation + values * rates[kind].value) / 1e6;
