import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codeOf } from '../src/base/errors.js';
import { writeNewFile } from '../src/base/files.js';

const CACHE = fileURLToPath(new URL('../node_modules/.cache', import.meta.url));
const HOUR_MS = 3_600_000;

/**
 * A folder that `make` fills, shared by all test files and kept until one of the inputs changes. Of several processes that
 * need it, one makes it and the others wait. Don't write into it.
 *
 * @param inputs the contents that the folder depends on
 */
export async function cachedFolder(
  name: string,
  inputs: Iterable<string | Uint8Array>,
  make: (folder: string) => void | Promise<void>,
): Promise<string> {
  // Results may hold their own path.
  const hash = createHash('sha256').update(CACHE);
  for (const input of inputs) hash.update(input).update('\0');
  const finished = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(finished)) return finished;
  mkdirSync(CACHE, { recursive: true });
  const lock = `${finished}.lock`;
  while (!writeNewFile(lock, `${process.pid}`)) {
    await sleep(100);
    if (existsSync(finished)) return finished;
    removeStale(lock);
  }
  try {
    if (existsSync(finished)) return finished;
    removeOlder(name);
    const temporary = mkdtempSync(join(CACHE, `${name}-`));
    try {
      await make(temporary);
      renameSync(temporary, finished);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  } finally {
    rmSync(lock, { force: true });
  }
  return finished;
}

/** Removes the lock of a process that was killed. */
function removeStale(lock: string): void {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (thrown) {
    if (codeOf(thrown) === 'ESRCH') rmSync(lock, { force: true });
  }
}

/** Removes the folders of that name that are older than an hour. */
function removeOlder(name: string): void {
  for (const entry of readdirSync(CACHE)) {
    const path = join(CACHE, entry);
    if (entry.startsWith(`${name}-`) && !entry.endsWith('.lock') && Date.now() - statSync(path).mtimeMs > HOUR_MS)
      rmSync(path, { recursive: true });
  }
}
