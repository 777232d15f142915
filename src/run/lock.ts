import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { codeOf, UserError } from '../base/errors.js';
import { readFileOrExplain, writeNewFile } from '../base/files.js';
import { type Run, runFile } from './run-directory.js';

const holderSchema = z.object({ pid: z.int().positive(), host: z.string() });

/**
 * Locks a run for this process, so that two processes never train in the same folder. The lock of a process that has
 * ended is taken over.
 *
 * @returns a function that releases the lock
 * @throws UserError if another process is training the run
 */
export function lockRun(run: Pick<Run, 'path'>): () => void {
  const path = runFile(run, 'lock');
  if (!createLock(path)) {
    const holder = readHolder(path);
    if (holder && isRunning(holder)) {
      throw new UserError(
        `${run.path}: process ${holder.pid} on ${holder.host} is training this run; stop it or wait until it ends ` +
          `(if that process isn't lcdnn, remove ${path})`,
      );
    }
    rmSync(path, { force: true });
    if (!createLock(path)) throw new UserError(`${run.path}: another process has just started to train this run`);
  }
  return () => rmSync(path, { force: true });
}

const createLock = (path: string): boolean =>
  writeNewFile(path, JSON.stringify({ pid: process.pid, host: hostname() }));

/** The process that holds the lock; undefined if the lock is unreadable or was just released. */
function readHolder(path: string): z.infer<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileOrExplain(path, 'a lock').toString()));
  } catch {
    return undefined;
  }
}

/** Whether that process is running. On another machine that can't be checked, and it is assumed to be. */
function isRunning({ pid, host }: { pid: number; host: string }): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false; // an earlier process with the same id
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
}
