import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { readUnpacked } from './unpack.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-unpack-'));

function file(name: string, content: Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const content = Buffer.from('a data set');

it('reads plain and gzipped files, told by content and not by name', async () => {
  expect(await readUnpacked(file('plain.gz', content), content.length)).toEqual(content);
  expect(await readUnpacked(file('packed', gzipSync(content)), content.length)).toEqual(content);
});

it.each([
  ['a plain file', file('long', Buffer.concat([content, content])), content.length],
  ['a gzip', file('long.gz', gzipSync(Buffer.concat([content, content]))), content.length],
  ['a gzip bomb', file('bomb.gz', gzipSync(Buffer.alloc(50_000_000))), 1000],
  ['a file that is too large to be read at all', file('huge.gz', Buffer.alloc(100_000, 0x1f)), 1000],
])('refuses more than it was promised: %s', async (_, path, maxBytes) => {
  const reading = readUnpacked(path, maxBytes);
  await expect(reading).rejects.toThrow(UserError);
  await expect(reading).rejects.toThrow(`${path}: expected ${maxBytes} bytes of content, found more`);
});

it('refuses a damaged gzip, a folder, and what is absent', async () => {
  const packed = gzipSync(content);
  await expect(readUnpacked(file('cut.gz', packed.subarray(0, -9)), 99)).rejects.toThrow(/cut.gz: .*damaged/);
  const flipped = Buffer.from(packed);
  flipped[packed.length - 6] ^= 1; // its checksum
  await expect(readUnpacked(file('flipped.gz', flipped), 99)).rejects.toThrow(/damaged one \(incorrect data check\)/);
  await expect(readUnpacked(folder, 99)).rejects.toThrow(/expected a data file, found something else/);
  await expect(readUnpacked(join(folder, 'absent'), 99)).rejects.toThrow(/absent: expected a data file, found: ENOENT/);
});
