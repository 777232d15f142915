import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../base/files.js';
import { sha256 } from '../../base/hash.js';
import { isRunning } from '../../base/processes.js';

/**
 * Which processes use which entries of the cache: an empty file ENTRY.HOST.PID in `.in-use` for each. Processes of another
 * machine can't be seen, so they renew their files.
 */

const FOLDER = '.in-use';
const RENEWAL_MS = 60_000;
/** After so long without renewal, a process of another machine is taken for ended. */
const STALE_MS = 10 * RENEWAL_MS;

/** Names of files that a process is writing: NAME.HOST.PID.part if they can be continued, else .tmp. */
export const UNFINISHED = /(?:\.([0-9a-f]{8}))?\.(\d+)\.(part|tmp)$/;

/** This machine, or this container. */
const HOST = sha256(hostname()).slice(0, 8);

/** The name under which this process writes a file. */
export const unfinishedName = (path: string, ending: 'part' | 'tmp'): string =>
  `${path}.${HOST}.${process.pid}.${ending}`;

/** Whether the process that writes this file is still running. */
export function isWriterRunning(path: string): boolean {
  const [, host, pid] = UNFINISHED.exec(path) ?? [];
  return host === undefined || host === HOST ? isRunning(Number(pid)) : isFresh(path);
}

/** Files of this process in `.in-use`, and how often it uses each entry. */
const uses = new Map<string, number>();
let isRenewing = false;
let isListening = false;
const atExit = new Map<string, () => void>();

/**
 * Marks an entry as used now, and as in use until the returned function is called or the process ends. Call it before
 * you look whether the entry is there: an entry that was found is then not removed.
 *
 * @param folder of the cache
 */
export function useEntry(folder: string, name: string): () => void {
  const path = join(folder, FOLDER, `${keyOf(name)}.${HOST}.${process.pid}`);
  // Without a cache there is nothing to keep.
  if (!existsSync(folder) || !mark(path)) return () => {};
  begin();
  uses.set(path, (uses.get(path) ?? 0) + 1);
  touch(join(folder, name));
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    const left = (uses.get(path) ?? 1) - 1;
    uses.set(path, left);
    if (left === 0) end(path);
  };
}

/** Whether a running process uses an entry. */
export function isEntryInUse(folder: string, name: string): boolean {
  const marks = namesIn(join(folder, FOLDER)).filter((mark) => mark.startsWith(`${keyOf(name)}.`));
  return marks.some((mark) => {
    const path = join(folder, FOLDER, mark);
    const [, host, pid] = mark.split('.');
    if (host === HOST ? isRunning(Number(pid)) : isFresh(path)) return true;
    rmSync(path, { force: true });
    return false;
  });
}

/** Calls `work` for a cache folder when this process ends by itself and no longer uses its entries. */
export function whenDone(folder: string, work: () => void): void {
  listen();
  atExit.set(folder, work);
}

const keyOf = (name: string): string => sha256(name).slice(0, 16);

/** Notes the time of last use, which file systems may record late. The time of the last change stays. */
export function touch(path: string): void {
  try {
    for (const file of filesIn(path)) utimesSync(file, new Date(), statSync(file).mtime);
  } catch {
    // It isn't there yet, or the cache can only be read.
  }
}

/** A file, or all files in a folder; none if another process has removed it. */
export function filesIn(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found ? [path] : [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @returns whether the cache can be written */
function mark(path: string): boolean {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, '');
    return true;
  } catch {
    return false;
  }
}

/** Renews the marks of this process, and removes them when it ends. */
function begin(): void {
  listen();
  if (isRenewing) return;
  isRenewing = true;
  setInterval(() => {
    for (const path of uses.keys()) renew(path);
  }, RENEWAL_MS).unref();
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  process.once('exit', () => {
    for (const path of [...uses.keys()]) end(path);
    for (const work of atExit.values()) work();
  });
}

function renew(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // The cache was removed.
  }
}

function end(path: string): void {
  uses.delete(path);
  try {
    rmSync(path, { force: true });
  } catch {
    // Its process is gone soon, which counts as well.
  }
}

const isFresh = (path: string): boolean =>
  Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < STALE_MS;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
