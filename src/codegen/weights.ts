import { encodeSafetensors, floatTensor, type StoredTensor } from '../base/safetensors.js';
import { type ConstantLayout, type DeviceProgram, type PreparedLayout, storedFloats } from '../export/program.js';

/** The tensor of all float32 values. */
const FLOATS = 'floats';

/**
 * The constants of a device program as safetensors: steps as I8 of [rows, columns]; weights in 8 bits as I8 of a kernel's
 * shape; binary weights as U8 of [rows, bytes of a row]. The floats of all constants are one tensor in byte planes.
 */
export function encodeWeights(
  constants: DeviceProgram['constants'],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const floats = Object.values(constants).flatMap((constant) => storedFloats(constant) ?? []);
  const tensors: Record<string, StoredTensor> = { [FLOATS]: bytePlanes(floats) };
  for (const [name, constant] of Object.entries(constants)) {
    if (constant.kind === 'i8') tensors[name] = steps(constant);
    else if (constant.kind !== 'f32') tensors[name] = weights(constant);
  }
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Floats as U8 of [4, count]: the lowest byte of each value, ..., at last the highest. Bytes with sign and exponent are
 * alike, and compress better next to each other.
 */
function bytePlanes(lists: readonly Float32Array[]): StoredTensor {
  const bytes = Buffer.concat(lists.map((values) => floatTensor([values.length], values).bytes));
  const count = bytes.length / 4;
  const planes = Uint8Array.from(bytes, (_, i) => bytes[4 * (i % count) + Math.floor(i / count)]);
  return { dtype: 'U8', shape: [4, count], bytes: planes };
}

function steps({ steps, scales, each }: Extract<ConstantLayout, { kind: 'i8' }>): StoredTensor {
  const rows = each === 1 ? steps.length / scales.length : scales.length;
  const bytes = new Uint8Array(steps.buffer, steps.byteOffset, steps.length);
  return { dtype: 'I8', shape: [rows, steps.length / rows], bytes };
}

function weights({ kind, shape, bytes }: PreparedLayout): StoredTensor {
  if (kind === 'weights8') {
    const full = [shape[0], ...shape];
    const values = full.reduce((product, size) => product * size, 1);
    if (bytes.length !== values) throw new Error(`[${full}] weights are ${values} bytes, not ${bytes.length}`);
    return { dtype: 'I8', shape: full, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, values) };
  }
  const expected = shape.slice(0, -1).reduce((rows, size) => rows * size, Math.ceil(shape.at(-1)! / 8));
  if (bytes.length !== expected) throw new Error(`[${shape}] bits are ${expected} bytes, not ${bytes.length}`);
  return { dtype: 'U8', shape: [shape[0], expected / shape[0]], bytes };
}
