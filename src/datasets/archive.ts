import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { messageOf, UserError } from '../base/errors.js';

/** Space that an archive may use besides the requested files: headers, padding, a readme. */
const ALLOWANCE = 16 * 1024 * 1024;

/**
 * Reads files of a .tar.gz into memory, one after the other in the archive's order. Nothing is written to disk. Only
 * the last component of a file's path is compared.
 *
 * @param wanted names and sizes
 * @throws UserError if the archive is damaged or cut short, is much larger than these files, has a file of another
 *   size, or lacks one
 */
export async function* readTarGz(
  path: string,
  wanted: readonly { readonly name: string; readonly bytes: number }[],
): AsyncGenerator<{ name: string; content: Buffer }> {
  await requireFile(path);
  const missing = new Map(wanted.map(({ name, bytes }) => [name, bytes]));
  const entries = extract();
  let fault: unknown;
  const limit = wanted.reduce((sum, { bytes }) => sum + bytes, ALLOWANCE);
  pipeline(createReadStream(path), createGunzip(), atMost(limit, path), entries, (thrown) => {
    fault = thrown;
  });
  try {
    for await (const entry of entries) {
      const name = basename(entry.header.name);
      const bytes = entry.header.type === 'file' ? missing.get(name) : undefined;
      if (bytes === undefined) {
        entry.resume();
        continue;
      }
      if (entry.header.size !== bytes) {
        throw new UserError(`${path}: expected ${bytes} bytes in ${name}, found ${entry.header.size}; replace it`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      missing.delete(name);
      yield { name, content: Buffer.concat(chunks) };
    }
  } catch (thrown) {
    throw damaged(path, fault ?? thrown);
  }
  if (missing.size > 0) {
    throw new UserError(`${path}: expected ${[...missing.keys()].join(', ')} in it, found none; replace it`);
  }
}

/** Passes at most this many bytes, because a small archive may unpack to any size. */
function atMost(bytes: number, path: string): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      if (passed > bytes) done(new UserError(`${path}: expected at most ${bytes} bytes unpacked, found more`));
      else done(null, chunk);
    },
  });
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch((thrown) => {
    throw new UserError(`${path}: expected an archive, found: ${messageOf(thrown)}`);
  });
  if (!found.isFile()) throw new UserError(`${path}: expected an archive, found something else`);
}

function damaged(path: string, thrown: unknown): UserError {
  if (thrown instanceof UserError) return thrown;
  return new UserError(`${path}: expected a whole .tar.gz, found a damaged one (${messageOf(thrown)}); replace it`);
}
