import { expect, it } from 'vitest';
import { UserError } from './errors.js';
import { decodeText } from './text.js';

const bytes = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);
const swapped = (text: string) => bytes(text, 'utf16le').swap16();

it.each<[string, Uint8Array]>([
  ['UTF-8', bytes('naïve €\n', 'utf8')],
  ['UTF-8 with a byte order mark', bytes('\uFEFFnaïve €\n', 'utf8')],
  ['UTF-16LE with a byte order mark', bytes('\uFEFFnaïve €\n', 'utf16le')],
  ['UTF-16BE with a byte order mark', swapped('\uFEFFnaïve €\n')],
])('decodes %s', (_, content) => {
  expect(decodeText(content, 'x')).toBe('naïve €\n');
});

it.each<[string, Uint8Array, RegExp]>([
  ['Latin-1', bytes('a\nb\nna\u00efve\n', 'latin1'), /^x: expected UTF-8, found other bytes in row 3; save the file/],
  ['a character cut in two', bytes('a\n€', 'utf8').subarray(0, 4), /in row 2;/],
  ['UTF-16 of an odd length', Buffer.from([0xff, 0xfe, 0x61]), /expected UTF-16LE, found other bytes;/],
])('refuses %s', (_, content, message) => {
  expect(() => decodeText(content, 'x')).toThrow(UserError);
  expect(() => decodeText(content, 'x')).toThrow(message);
});
