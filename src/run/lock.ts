import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { codeOf, UserError } from '../base/errors.js';
import { readFileOrExplain, writeNewFile } from '../base/files.js';
import { type Run, runFile } from './run-directory.js';

const holderSchema = z.object({ pid: z.int().positive(), host: z.string() });

/**
 * Takes a run for this process to train, so that no two write to one folder; the lock of a process that is gone is
 * taken over. Gives the function that lets go of it.
 *
 * @throws UserError where another process trains the run.
 */
export function lockRun(run: Pick<Run, 'path'>): () => void {
  const path = runFile(run, 'lock');
  if (!createLock(path)) {
    const holder = readHolder(path);
    if (holder && isRunning(holder)) {
      throw new UserError(
        `${run.path}: process ${holder.pid} on ${holder.host} is training this run; stop it or wait for its end ` +
          `(if it is none of lcdnn's, remove ${path})`,
      );
    }
    rmSync(path, { force: true });
    if (!createLock(path)) throw new UserError(`${run.path}: another process has just begun to train this run`);
  }
  return () => rmSync(path, { force: true });
}

const createLock = (path: string): boolean =>
  writeNewFile(path, JSON.stringify({ pid: process.pid, host: hostname() }));

/** Nothing where the lock is torn, or gone by now. */
function readHolder(path: string): z.infer<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileOrExplain(path, 'a lock').toString()));
  } catch {
    return undefined;
  }
}

/** Whether that process is there, as far as can be known here: of another machine it is taken to be. */
function isRunning({ pid, host }: { pid: number; host: string }): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false; // left by an earlier process of this number
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
}
