import { encodeSafetensors, floatTensor, type StoredTensor } from '../base/safetensors.js';
import type { ConstantLayout, DeviceProgram } from '../export/program.js';

/**
 * The constants of a device program as safetensors: floats as F32 of one dimension; steps as I8 of [rows, columns], with
 * an F32 `NAME.scale` of one value per row, or per column; weights
 * in 8 bits as I8 of a kernel's shape; binary weights as U8 of [rows, bytes of a row].
 */
export function encodeWeights(
  constants: DeviceProgram['constants'],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Floats come first, so that each of them starts on a multiple of 4.
  const stored = Object.entries(constants).flatMap(([name, constant]) => storedTensors(name, constant));
  const inOrder = stored.sort(([, a], [, b]) => Number(a.dtype !== 'F32') - Number(b.dtype !== 'F32'));
  return encodeSafetensors({ tensors: Object.fromEntries(inOrder), metadata });
}

function storedTensors(name: string, constant: ConstantLayout): [string, StoredTensor][] {
  if (constant.kind === 'f32') return [[name, floatTensor([constant.values.length], constant.values)]];
  if (constant.kind === 'i8') {
    const { steps, scales, each } = constant;
    const rows = each === 1 ? steps.length / scales.length : scales.length;
    const bytes = new Uint8Array(steps.buffer, steps.byteOffset, steps.length);
    return [
      [`${name}.scale`, floatTensor([scales.length], scales)],
      [name, { dtype: 'I8', shape: [rows, steps.length / rows], bytes }],
    ];
  }
  if (constant.kind === 'weights8') {
    const { shape, bytes } = constant;
    const full = [shape[0], ...shape];
    const values = full.reduce((product, size) => product * size, 1);
    if (bytes.length !== values) throw new Error(`[${full}] weights are ${values} bytes, not ${bytes.length}`);
    return [[name, { dtype: 'I8', shape: full, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, values) }]];
  }
  const { shape, bytes } = constant;
  const expected = shape.slice(0, -1).reduce((rows, size) => rows * size, Math.ceil(shape.at(-1)! / 8));
  if (bytes.length !== expected) throw new Error(`[${shape}] bits are ${expected} bytes, not ${bytes.length}`);
  return [[name, { dtype: 'U8', shape: [shape[0], expected / shape[0]], bytes }]];
}
