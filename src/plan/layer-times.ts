import type { LayerCost } from '../network/cost.js';
import { featuresOf } from '../network/shapes.js';

/** Kinds of layers with their own rates. `other` includes pools and packing values to signs. */
export const LAYER_KINDS = ['conv2d', 'depthwise-conv2d', 'dense', 'binary-conv2d', 'binary-dense', 'other'] as const;
export type LayerKind = (typeof LAYER_KINDS)[number];

/** Times of a machine, in ns. */
export interface Rate {
  /** Per layer, independent of its size. */
  readonly layer: number;
  /** Per multiply-accumulate operation, float or binary. */
  readonly operation: number;
  /** Per output value; for `other`, per input value. */
  readonly value: number;
}

export type Rates = Readonly<Record<LayerKind, Rate>>;

/** The amount of work in a layer. */
export interface Work {
  readonly kind: LayerKind;
  readonly operations: number;
  readonly values: number;
}

/**
 * The work of a layer. Batch normalisation, activations and shortcuts are free, because kernels and ONNX Runtime fuse
 * them into the previous layer.
 */
export function workOf({ type, input, output, macs, binaryOps }: LayerCost): Work[] {
  const read: Work = { kind: 'other', operations: 0, values: featuresOf(input) };
  switch (type) {
    case 'general-conv2d':
      return [{ kind: 'conv2d', operations: macs, values: featuresOf(output) }];
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
