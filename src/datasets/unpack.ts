import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { codeOf, messageOf, UserError } from '../base/errors.js';

const unzip = promisify(gunzip);

/**
 * The content of a file, unpacked where it is gzipped (told by its first two bytes, not by its name).
 * Neither the file nor what it unpacks to may take more memory than `maxBytes` calls for.
 *
 * @param maxBytes most bytes that the unpacked content may have
 * @throws UserError where the file is absent, can't be read, is damaged, or holds more than `maxBytes`
 */
export async function readUnpacked(path: string, maxBytes: number): Promise<Buffer> {
  const tooLong = () => new UserError(`${path}: expected ${maxBytes} bytes of content, found more; replace the file`);
  // Deflate adds a few bytes per 16 KiB block to what it can't shrink; the header may carry a name.
  if ((await sizeOf(path)) > maxBytes + maxBytes / 1000 + 4096) throw tooLong();
  const bytes = await readFile(path).catch((thrown) => {
    throw new UserError(`${path}: can't be read (${messageOf(thrown)})`);
  });
  const content = bytes[0] === 0x1f && bytes[1] === 0x8b ? await unzipOrExplain(bytes, path, maxBytes, tooLong) : bytes;
  if (content.length > maxBytes) throw tooLong();
  return content;
}

/** SHA-256 as 64 hexadecimal digits. */
export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

async function unzipOrExplain(bytes: Buffer, path: string, maxBytes: number, tooLong: () => Error): Promise<Buffer> {
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (thrown) {
    if (codeOf(thrown) === 'ERR_BUFFER_TOO_LARGE') throw tooLong();
    throw new UserError(`${path}: expected a whole gzip file, found a damaged one (${messageOf(thrown)}); replace it`);
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((thrown) => {
    throw new UserError(`${path}: expected a data file, found: ${codeOf(thrown) ?? messageOf(thrown)}`);
  });
  if (!found.isFile()) throw new UserError(`${path}: expected a data file, found something else`);
  return found.size;
}
