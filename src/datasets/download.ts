import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, messageOf, UserError } from '../base/errors.js';
import { makeFolder } from '../base/files.js';

/** A file to download, with its known size and checksum. */
export interface Download {
  /** Sources of the file; tried in turn. */
  readonly urls: readonly string[];
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Give up on a source that sends nothing for this long, in milliseconds. Default 30,000. */
  readonly stallTimeout?: number;
  readonly signal?: AbortSignal;
  /** Called with the number of bytes received so far. */
  readonly onProgress?: (received: number) => void;
}

/** All sources failed; the message lists each with its reason. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

/** Failure of one source; `again` if a retry may succeed. */
class SourceFault extends Error {
  constructor(
    message: string,
    readonly again = false,
  ) {
    super(message);
  }
}

const TRIES_PER_SOURCE = 3;

/**
 * Downloads a file. Received bytes are kept in PATH.part. The next try, another source or a later run continues there.
 * The checksum of the whole file decides whether the parts belong together, so no ETag is needed. PATH exists only once
 * the file is complete.
 *
 * @throws DownloadError if no source sent the right content; wrong content is removed
 * @throws UserError if PATH can't be written; `signal.reason` if the signal aborts (the part is kept)
 */
export async function download(job: Download): Promise<void> {
  makeFolder(dirname(job.path));
  const faults: string[] = [];
  for (const url of job.urls) {
    for (let tries = 1; tries <= TRIES_PER_SOURCE; tries++) {
      try {
        return await downloadFrom(url, job);
      } catch (thrown) {
        if (!(thrown instanceof SourceFault)) throw thrown;
        if (thrown.again && tries < TRIES_PER_SOURCE) continue;
        faults.push(`${new URL(url).host}: ${thrown.message}`);
        break;
      }
    }
  }
  throw new DownloadError(faults.join('; '));
}

async function downloadFrom(url: string, job: Download): Promise<void> {
  const part = `${job.path}.part`;
  const kept = await keptBytes(part, job.bytes);
  if (kept < job.bytes) await transfer(url, part, kept, job);
  const found = await sha256OfFile(part);
  if (found !== job.sha256) {
    await rm(part, { force: true });
    throw new SourceFault(`expected SHA-256 ${job.sha256}, found ${found}`, kept > 0);
  }
  await onDisk(job.path, rename(part, job.path));
}

/** Fetches the missing bytes, so that `part` has exactly `job.bytes` bytes. */
async function transfer(url: string, part: string, kept: number, job: Download): Promise<void> {
  const stall = new AbortController();
  const timeout = job.stallTimeout ?? 30_000;
  const timer = setTimeout(() => stall.abort(), timeout);
  try {
    const response = await fetch(url, {
      // No content encoding: a .gz must arrive as it is stored.
      headers: { 'accept-encoding': 'identity', ...(kept > 0 ? { range: `bytes=${kept}-` } : {}) },
      signal: job.signal ? AbortSignal.any([job.signal, stall.signal]) : stall.signal,
    });
    const start = await startOf(response, part, kept, job.bytes);
    await receive(response, part, start, job, () => timer.refresh());
  } catch (thrown) {
    job.signal?.throwIfAborted();
    if (stall.signal.aborted) throw new SourceFault(`sent nothing for ${timeout / 1000} s`);
    if (thrown instanceof SourceFault || thrown instanceof UserError) throw thrown;
    throw new SourceFault(networkReason(thrown), (await keptBytes(part, job.bytes)) > kept);
  } finally {
    clearTimeout(timer);
  }
}

/** Offset at which the response begins: `kept` if the server continues, 0 if it starts from the beginning. */
async function startOf(response: Response, part: string, kept: number, bytes: number): Promise<number> {
  const continues = kept > 0 && response.status === 206;
  const length = response.headers.get('content-length');
  let fault: SourceFault | undefined;
  if (continues && !response.headers.get('content-range')?.startsWith(`bytes ${kept}-`)) {
    fault = new SourceFault('continued at another byte than asked');
  } else if (kept > 0 && response.status === 416) {
    await rm(part, { force: true });
    fault = new SourceFault('can not continue a broken download', true);
  } else if (!continues && response.status !== 200) {
    fault = new SourceFault(`HTTP ${response.status}`);
  } else if (length !== null && Number(length) + (continues ? kept : 0) !== bytes) {
    fault = new SourceFault(`expected ${bytes} bytes, found ${Number(length) + (continues ? kept : 0)}`);
  }
  if (!fault) return continues ? kept : 0;
  await response.body?.cancel();
  throw fault;
}

async function receive(
  response: Response,
  part: string,
  start: number,
  job: Download,
  onData: () => void,
): Promise<void> {
  const file = await onDisk(part, open(part, start > 0 ? 'a' : 'w'));
  let received = start;
  try {
    for await (const chunk of response.body ?? []) {
      onData();
      received += chunk.length;
      if (received > job.bytes) {
        await rm(part, { force: true });
        throw new SourceFault(`expected ${job.bytes} bytes, found more`);
      }
      await onDisk(part, file.writeFile(chunk));
      job.onProgress?.(received);
    }
    await onDisk(part, file.sync());
  } finally {
    await file.close();
  }
  if (received < job.bytes) {
    throw new SourceFault(`ended after ${received} of ${job.bytes} bytes`, received > start);
  }
}

/** Number of usable bytes from an earlier try. */
async function keptBytes(part: string, bytes: number): Promise<number> {
  const size = await stat(part).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= bytes) return size;
  await rm(part, { force: true });
  return 0;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** A disk that can't be written is for the user to fix, and isn't the source's fault. */
async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((thrown) => {
    const code = codeOf(thrown);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new UserError(`${path}: the disk is full; free some space`);
    if (code && ['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENOENT'].includes(code)) {
      throw new UserError(`${path}: can't be written there (${messageOf(thrown)}); choose another folder`);
    }
    throw thrown;
  });
}

/** `fetch` only reports "fetch failed"; the reason is in its cause. */
function networkReason(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  return codeOf(cause) ?? messageOf(cause);
}
