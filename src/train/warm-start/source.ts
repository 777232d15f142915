import { UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import type { NamedArrays } from '../../base/tensors.js';
import { onnxLayers } from './onnx-source.js';
import { safetensorsLayers } from './safetensors-source.js';

/** What a layer of a file computes, where the file says so. */
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
}

export interface Source {
  readonly path: string;
  readonly layers: readonly SourceLayer[];
  /** The layers stand in the order in which they are computed. */
  readonly inOrder: boolean;
}

/** Reads a trained network by the end of its file's name. @throws UserError where it is absent, corrupt or of another kind */
export function readSource(path: string): Source {
  const read = (): Buffer => readFileOrExplain(path, 'a trained network');
  if (path.endsWith('.safetensors')) return { path, layers: safetensorsLayers(read(), path), inOrder: false };
  if (path.endsWith('.onnx')) return { path, layers: onnxLayers(read(), path), inOrder: true };
  throw new UserError(`initFrom: expected a file that ends in .safetensors or .onnx, found ${path}`);
}
