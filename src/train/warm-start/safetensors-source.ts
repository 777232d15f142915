import { UserError } from '../../base/errors.js';
import { decodeSafetensors, floatValues } from '../../base/safetensors.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { SourceLayer } from './source-layer.js';

/**
 * The layers of a safetensors file: a checkpoint of ours (its shared and full parts), or a state dict of PyTorch.
 *
 * @throws UserError where it is no such file, or a layer has other numbers than float32
 */
export function safetensorsLayers(file: Uint8Array, path: string): SourceLayer[] {
  const { tensors, metadata } = decodeSafetensors(file, path);
  const ours = metadata.format?.startsWith('lcdnn-checkpoint') ?? false;
  const layers = new Map<string, NamedArrays>();
  for (const [fullName, tensor] of Object.entries(tensors)) {
    if (ours && !/^(shared|full)\./.test(fullName)) continue;
    if (/^[IU]\d+$/.test(tensor.dtype)) continue; // PyTorch counts batches in whole numbers
    if (tensor.dtype !== 'F32') {
      throw new UserError(`${path}: expected float32 numbers in ${fullName}, found ${tensor.dtype}; convert it first`);
    }
    // Our checkpoints name the part first, PyTorch's parallel training the module.
    const name = fullName.replace(ours ? /^(shared|full)\./ : /^module\./, '');
    const cut = name.lastIndexOf('.');
    const layer = layers.get(name.slice(0, Math.max(cut, 0))) ?? {};
    layer[name.slice(cut + 1)] = { shape: tensor.shape, values: floatValues(tensor) };
    layers.set(name.slice(0, Math.max(cut, 0)), layer);
  }
  const layout = ours ? 'lcdnn' : 'pytorch';
  return [...layers].map(([name, layer]) => ({ name, layout, tensors: layer, channelsLast: ours }));
}
