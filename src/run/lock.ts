import { rmSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { codeOf, UserError } from '../base/errors.js';
import { readFileOrExplain, writeNewFile } from '../base/files.js';
import { type Run, runFile } from './run-directory.js';

const holderSchema = z.object({ pid: z.int().positive(), host: z.string() });

/** A process shows this often that it is still running, for machines that can't see it. */
const RENEWAL_MS = 60_000;
/** After so long without renewal, the process of another machine is taken for ended: a container that was killed. */
const STALE_MS = 10 * RENEWAL_MS;

/**
 * Locks a run, or the folder of a pipeline, for this process, so that two processes never train in the same folder. The
 * lock of a process that has ended is taken over.
 *
 * @param use what the process does with the folder, for messages
 * @returns a function that releases the lock
 * @throws UserError if another process holds the lock
 */
export function lockRun(run: Pick<Run, 'path'>, use = 'is training this run'): () => void {
  const path = runFile(run, 'lock');
  if (!createLock(path)) {
    const holder = readHolder(path);
    if (holder && isRunning(holder, path)) {
      throw new UserError(
        `${run.path}: process ${holder.pid} on ${holder.host} ${use}; stop it or wait until it ends ` +
          `(if that process isn't lcdnn, remove ${path})`,
      );
    }
    rmSync(path, { force: true });
    if (!createLock(path)) throw new UserError(`${run.path}: another process has just started here`);
  }
  const timer = setInterval(() => renew(path), RENEWAL_MS).unref();
  return () => {
    clearInterval(timer);
    rmSync(path, { force: true });
  };
}

function renew(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // The folder was removed.
  }
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

/** Whether that process is running. On another machine, renewals of the lock tell. */
function isRunning({ pid, host }: { pid: number; host: string }, lock: string): boolean {
  if (host !== hostname()) return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < STALE_MS;
  if (pid === process.pid) return false; // an earlier process with the same id
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
}
