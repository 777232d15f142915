import { UserError } from '../../base/errors.js';
import { decodeSafetensors, floatValues, isFloatType, type StoredTensor } from '../../base/safetensors.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { SourceLayer } from './source-layer.js';

/** Prefixes that training wrappers add to the names of a network's parameters, in any combination. */
const WRAPPERS = /^(?:(?:module|_orig_mod|model|net|network|backbone|state_dict)\.)+/;
/** The moving average of the weights. If a file holds both, the average is the trained network. */
const AVERAGE = /^(?:module\.)?(?:model_ema|ema_model|ema|state_dict_ema|averaged_model)\./;

/**
 * The layers of a safetensors file: a checkpoint of ours (its shared and full parts), or a state dict of PyTorch. Numbers
 * in half, bfloat16 and double precision become single precision. If the file holds the moving average of the weights as
 * well, the average is read.
 *
 * @throws UserError if it isn't a safetensors file, or a layer holds something else than floating-point numbers
 */
export function safetensorsLayers(file: Uint8Array, path: string): SourceLayer[] {
  const { tensors, metadata } = decodeSafetensors(file, path);
  const ours = metadata.format?.startsWith('lcdnn-checkpoint') ?? false;
  const layers = new Map<string, NamedArrays>();
  for (const [name, tensor] of Object.entries(ours ? trunkOf(tensors) : withoutWrappers(tensors, path))) {
    if (/^[IU]\d+$/.test(tensor.dtype)) continue; // PyTorch counts batches in whole numbers
    if (!isFloatType(tensor.dtype)) {
      throw new UserError(
        `${path}: expected floating-point numbers in ${name}, found ${tensor.dtype}; convert them first`,
      );
    }
    const cut = Math.max(name.lastIndexOf('.'), 0);
    const layer = layers.get(name.slice(0, cut)) ?? {};
    layer[cut === 0 ? name : name.slice(cut + 1)] = { shape: tensor.shape, values: floatValues(tensor) };
    layers.set(name.slice(0, cut), layer);
  }
  const layout = ours ? 'lcdnn' : 'pytorch';
  return [...layers].map(([name, layer]) => ({ name, layout, tensors: layer, channelsLast: ours }));
}

type Tensors = Readonly<Record<string, StoredTensor>>;

/** Our checkpoints name the part first; the branch belongs to another network. */
function trunkOf(tensors: Tensors): Tensors {
  const trunk = Object.entries(tensors).filter(([name]) => /^(shared|full)\./.test(name));
  return Object.fromEntries(trunk.map(([name, tensor]) => [name.replace(/^(shared|full)\./, ''), tensor]));
}

/** @throws UserError if two tensors have the same name without their prefixes: the file holds two networks */
function withoutWrappers(tensors: Tensors, path: string): Tensors {
  const entries = Object.entries(tensors);
  const averaged = entries.filter(([name]) => AVERAGE.test(name));
  const chosen = averaged.length > 0 ? averaged : entries;
  const plain = new Map<string, string>();
  for (const [name] of chosen) {
    const short = name.replace(AVERAGE, '').replace(WRAPPERS, '');
    const other = plain.get(short);
    if (other !== undefined) {
      throw new UserError(
        `${path}: expected one network, found ${other} and ${name}; save one of the two networks alone`,
      );
    }
    plain.set(short, name);
  }
  return Object.fromEntries([...plain].map(([short, name]) => [short, tensors[name]]));
}
