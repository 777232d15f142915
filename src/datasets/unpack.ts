import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { codeOf, messageOf, UserError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';

const unzip = promisify(gunzip);
const run = promisify(execFile);

const GZIP = Buffer.from([0x1f, 0x8b]);
const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
/** More than `xz -9` needs; a malicious file may request 4 GiB. */
const XZ_MEMORY = '512MiB';

/**
 * The content of a file. Gzip and xz files are unpacked; their first bytes tell, not their names. The `xz` command
 * unpacks xz, because Node can't. The file and its content may not take more memory than `maxBytes` requires.
 *
 * @param maxBytes maximum size of the unpacked content
 * @throws UserError if the file is missing, can't be read, is damaged, or holds more than `maxBytes`
 */
export async function readUnpacked(path: string, maxBytes: number): Promise<Buffer> {
  const tooLong = () => new UserError(`${path}: expected ${maxBytes} bytes of content, found more; replace the file`);
  // Deflate adds a few bytes per 16 KiB block if it can't shrink it, and the header may hold a name.
  if ((await sizeOf(path)) > maxBytes + maxBytes / 1000 + 4096) throw tooLong();
  const bytes = await readFile(path).catch((thrown) => {
    throw new UserError(`${path}: can't be read (${messageOf(thrown)})`);
  });
  const content = await unpack(bytes, path, maxBytes, tooLong);
  if (content.length > maxBytes) throw tooLong();
  return content;
}

/** How a content differs from the catalogue, in one line; undefined if it doesn't. */
export function checksumFault(path: string, content: Uint8Array, expected: { sha256: string }): string | undefined {
  const actual = sha256(content);
  if (actual === expected.sha256) return undefined;
  return `${path}: expected content with SHA-256 ${expected.sha256}, found ${actual}; replace the file`;
}

function unpack(bytes: Buffer, path: string, maxBytes: number, tooLong: () => Error): Buffer | Promise<Buffer> {
  const begins = (magic: Buffer) => bytes.subarray(0, magic.length).equals(magic);
  if (begins(GZIP)) return unzipOrExplain(bytes, path, maxBytes, tooLong);
  return begins(XZ) ? unxzOrExplain(path, maxBytes, tooLong) : bytes;
}

async function unxzOrExplain(path: string, maxBytes: number, tooLong: () => Error): Promise<Buffer> {
  const options = ['--decompress', '--stdout', `--memlimit-decompress=${XZ_MEMORY}`, '--', resolve(path)];
  try {
    const { stdout } = await run('xz', options, { encoding: 'buffer', maxBuffer: maxBytes });
    return stdout;
  } catch (thrown) {
    if (codeOf(thrown) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') throw tooLong();
    if (codeOf(thrown) === 'ENOENT') {
      throw new UserError(
        `${path}: expected the command "xz" to unpack it with, which isn't installed; install it (Debian: xz-utils), ` +
          'or put the unpacked file in its place',
      );
    }
    const output = String((thrown as { stderr?: Buffer }).stderr ?? '')
      .trim()
      .replace(/\s*\n\s*/g, '; ');
    throw new UserError(`${path}: expected a whole xz file, found a damaged one (${output || messageOf(thrown)})`);
  }
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
  const stats = await stat(path).catch((thrown) => {
    throw new UserError(`${path}: expected a data file, found: ${codeOf(thrown) ?? messageOf(thrown)}`);
  });
  if (!stats.isFile()) throw new UserError(`${path}: expected a data file, found something else`);
  return stats.size;
}
