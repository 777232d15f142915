import { UserError } from './errors.js';
import { fromHalf } from './half.js';

/**
 * The safetensors format: 8 bytes of header length (little endian), a JSON header with type, shape and offsets of each
 * tensor, then the tensors' bytes without gaps. Checkpoints and a bundle's weights are such files.
 */

/** Element types with their size in bytes. We write F32 and U8; weight files from elsewhere contain the others. */
const ELEMENT_BYTES = { F32: 4, U8: 1, I8: 1, I16: 2, I32: 4, I64: 8, F16: 2, BF16: 2, F64: 8 } as const;

export interface StoredTensor {
  readonly dtype: keyof typeof ELEMENT_BYTES;
  readonly shape: readonly number[];
  /** Little endian, row-major. */
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Maximum header size. Files written by lcdnn are far below it. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/** A float32 tensor for `encodeSafetensors`. */
export function floatTensor(shape: readonly number[], values: Float32Array): StoredTensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** Floating-point element types; all are read as single precision. */
export type FloatType = 'F32' | 'F16' | 'BF16' | 'F64';

export const isFloatType = (dtype: string): dtype is FloatType => ['F32', 'F16', 'BF16', 'F64'].includes(dtype);

/** The values of a floating-point tensor in single precision, copied; F64 is rounded. */
export function floatValues({ dtype, bytes }: StoredTensor): Float32Array {
  const values = isFloatType(dtype) ? floatsOf(dtype, bytes) : undefined;
  if (!values) throw new Error(`expected floating-point numbers, found ${dtype}`);
  return values;
}

/** Little-endian numbers of this type in single precision, copied; undefined if the bytes don't divide into numbers. */
export function floatsOf(type: FloatType, bytes: Uint8Array): Float32Array | undefined {
  if (bytes.length % ELEMENT_BYTES[type] !== 0) return undefined;
  const { buffer } = new Uint8Array(bytes); // not bytes.slice(): a Buffer's shares its memory
  switch (type) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), fromHalf);
    case 'BF16':
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
  }
}

/** Writes tensors, in the given order, and metadata as a safetensors file. Padding aligns the first tensor to 8 bytes. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const withMetadata = Object.keys(metadata).length > 0 ? [['__metadata__', metadata], ...entries] : entries;
  const json = JSON.stringify(Object.fromEntries(withMetadata));
  const jsonBytes = Buffer.from(json);
  const header = Buffer.concat([jsonBytes, Buffer.alloc(-jsonBytes.length & 7, ' ')]);
  const file = new Uint8Array(8 + header.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  let at = 8 + header.length;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/**
 * Reads a safetensors file. Every length is checked against the file before anything is allocated.
 *
 * @param origin the file's name, for messages
 * @throws UserError if the file is truncated, too long, in another format, or contains an unknown element type
 */
export function decodeSafetensors(file: Uint8Array, origin: string): SafetensorsFile {
  const wrong = (found: string) => new UserError(`${origin}: expected a safetensors file, found ${found}`);
  if (file.length < 8) throw wrong(`${file.length} bytes`);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (headerBytes > Math.min(MAX_HEADER_BYTES, file.length - 8)) {
    throw wrong(`a header of ${headerBytes} bytes in a file of ${file.length}`);
  }
  const header = parseHeader(file.subarray(8, 8 + headerBytes), wrong);
  const data = file.subarray(8 + headerBytes);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors: Record<string, StoredTensor> = {};
  let covered = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, begin, end } = readEntry(entry, () => wrong(`no valid entry for tensor ${name}`));
    const expected = shape.reduce((product, size) => product * size, ELEMENT_BYTES[dtype]);
    if (begin !== covered || end - begin !== expected || end > data.length) {
      throw wrong(`tensor ${name} of shape [${shape}] at bytes ${begin} to ${end} of ${data.length}`);
    }
    covered = end;
    tensors[name] = { dtype, shape, bytes: data.subarray(begin, end) };
  }
  if (covered !== data.length) throw wrong(`${data.length - covered} bytes after the last tensor`);
  return { tensors, metadata: readMetadata(metadata, wrong) };
}

type Wrong = (found: string) => UserError;

function parseHeader(bytes: Uint8Array, wrong: Wrong): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return { ...header };
  } catch {
    // falls through to the error below
  }
  throw wrong("a header that isn't a JSON object");
}

function readEntry(entry: unknown, wrong: () => UserError) {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isElementType(dtype) || !Array.isArray(shape) || !shape.every(isCount)) throw wrong();
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw wrong();
  return { dtype, shape: shape as number[], begin: offsets[0] as number, end: offsets[1] as number } as const;
}

const isElementType = (dtype: unknown): dtype is StoredTensor['dtype'] =>
  typeof dtype === 'string' && Object.hasOwn(ELEMENT_BYTES, dtype);

function readMetadata(metadata: unknown, wrong: Wrong): Record<string, string> {
  const entries = Object.entries((metadata ?? {}) as object);
  if (entries.some(([, value]) => typeof value !== 'string')) throw wrong("metadata that isn't text");
  return Object.fromEntries(entries);
}
