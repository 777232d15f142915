import { encodeSafetensors, floatTensor, type StoredTensor } from '../base/safetensors.js';
import type { ConstantLayout, DeviceProgram } from '../export/program.js';

/**
 * The constants of a device program as safetensors: floats as F32 of one dimension, binary weights as U8 of
 * [rows, bytes of a row].
 */
export function encodeWeights(constants: DeviceProgram['constants']): Uint8Array {
  // Floats first, so that every one of them starts on a multiple of 4.
  const inOrder = Object.entries(constants).sort(
    ([, a], [, b]) => Number(a.kind === 'bits') - Number(b.kind === 'bits'),
  );
  const tensors = Object.fromEntries(inOrder.map(([name, constant]) => [name, storedTensor(constant)]));
  return encodeSafetensors({ tensors, metadata: {} });
}

function storedTensor(constant: ConstantLayout): StoredTensor {
  if (constant.kind === 'f32') return floatTensor([constant.values.length], constant.values);
  const { rows, rowBytes, bytes } = constant;
  if (bytes.length !== rows * rowBytes)
    throw new Error(`${rows} rows of ${rowBytes} bytes are not ${bytes.length} bytes`);
  return { dtype: 'U8', shape: [rows, rowBytes], bytes };
}
