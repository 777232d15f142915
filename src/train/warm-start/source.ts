import { UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import { onnxLayers } from './onnx-source.js';
import { safetensorsLayers } from './safetensors-source.js';
import type { SourceLayer } from './source-layer.js';

export interface Source {
  readonly path: string;
  readonly layers: readonly SourceLayer[];
  /** Whether the layers are in the order of computation. */
  readonly inOrder: boolean;
}

/**
 * Reads a trained network; the file's extension selects the format. @throws UserError if it is missing, corrupt or of
 * another kind
 */
export function readSource(path: string): Source {
  if (path.endsWith('.safetensors')) {
    const file = readFileOrExplain(path, 'a trained network');
    return { path, layers: safetensorsLayers(file, path), inOrder: false };
  }
  if (path.endsWith('.onnx')) return { path, layers: onnxLayers(path), inOrder: true };
  const ofPytorch = /\.(pth|pt|bin|tar)$/.test(path)
    ? '; in Python, safetensors.torch.save_file(model.state_dict(), "model.safetensors") writes one'
    : '';
  throw new UserError(`expected a trained network that ends in .safetensors or .onnx, found ${path}${ofPytorch}`);
}
