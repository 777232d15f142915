import type { NamedArrays } from '../../base/tensors.js';

/** Kind of a layer in a file, if known. */
export type SourceKind = 'conv' | 'dense' | 'batch-norm' | 'prelu';

/** A layer's parameters as stored in a file. */
export interface SourceLayer {
  readonly name: string;
  /** Its name in the file, if `name` is one of ours. */
  readonly origin?: string;
  readonly kind?: SourceKind;
  /**
   * `lcdnn`: our names and orders of axes. `pytorch`: weight, bias, running_mean, running_var; kernels [filters,
   * channels, height, width] and [units, inputs].
   */
  readonly layout: 'lcdnn' | 'pytorch';
  readonly tensors: NamedArrays;
  /** Whether a dense layer reads features in the order height, width, channels; otherwise channels come first. */
  readonly channelsLast?: boolean;
  /** Names of the layer's input and output tensors in an ONNX graph. */
  readonly graph?: { readonly input: string; readonly output: string };
  /** Epsilon of this batch normalisation, if known. */
  readonly epsilon?: number;
}
