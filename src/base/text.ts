import { UserError } from './errors.js';

/** Byte order marks of the encodings that are read. */
const MARKS = [
  { encoding: 'utf-16le', bytes: [0xff, 0xfe] },
  { encoding: 'utf-16be', bytes: [0xfe, 0xff] },
  { encoding: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
];

const NEW_LINE = 0x0a;

/**
 * Decodes a text file: UTF-8, or UTF-16 with a byte order mark. A lenient decoder would replace what it can't read, and
 * so give two different names the same text.
 *
 * @param path names the file in errors
 * @throws UserError that names the first line with other bytes
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  const mark = MARKS.find((candidate) => candidate.bytes.every((byte, i) => bytes[i] === byte));
  const encoding = mark?.encoding ?? 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const where = encoding === 'utf-8' ? ` in row ${firstBadLine(bytes)}` : '';
    throw new UserError(
      `${path}: expected ${encoding.toUpperCase()}, found other bytes${where}; save the file as UTF-8`,
    );
  }
}

/** Counts from 1. */
function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(NEW_LINE, start);
    const stop = end < 0 ? bytes.length : end;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, stop));
    } catch {
      return line;
    }
    start = stop + 1;
  }
  return line;
}

/** Whether a text decoded as UTF-8 is UTF-16 without a byte order mark: every other byte of Latin text is 0. */
export const looksLikeUtf16 = (text: string): boolean => text.slice(0, 200).includes('\0');
