import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { messageOf, UserError } from '../base/errors.js';

/** What an archive may hold besides the files that are asked for: headers, padding, a readme. */
const ALLOWANCE = 16 * 1024 * 1024;

/**
 * Reads files of a .tar.gz in the archive's order, one after the other, into memory; nothing is written to disk. Only
 * the last part of a file's path counts.
 *
 * @param wanted names and sizes
 * @throws UserError where the archive is damaged or cut short, holds more than these files call for, a file of another
 *   size, or not all of them
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

/** Lets so many bytes pass: what is packed small may unpack to anything. */
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
