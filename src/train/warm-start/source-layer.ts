import type { NamedArrays } from '../../base/tensors.js';

/** What a layer of a file computes, if the file tells. */
export type SourceKind = 'conv' | 'dense' | 'batch-norm' | 'prelu';

/** A layer's parameters as a file has them. */
export interface SourceLayer {
  readonly name: string;
  readonly kind?: SourceKind;
  /**
   * `lcdnn`: our names and orders of axes. `pytorch`: weight, bias, running_mean, running_var; kernels [filters,
   * channels, height, width] and [units, inputs].
   */
  readonly layout: 'lcdnn' | 'pytorch';
  readonly tensors: NamedArrays;
  /** A dense layer reads features in the order height, width, channels; else channels come first. */
  readonly channelsLast?: boolean;
  /** Names of the tensors that an ONNX graph gives to this layer and takes from it. */
  readonly graph?: { readonly input: string; readonly output: string };
  /** What this batch normalisation adds to the variance, if the file tells. */
  readonly epsilon?: number;
}
