import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { errorFromFailure, startThread } from '../../base/threads.js';
import { bytesOf, type Pixels } from '../pixels.js';
import type { BatchRequest, Preparation } from './fill-batch.js';
import type { Loader } from './loader.js';
import type { FromThread, ToThread } from './messages.js';

/** Number of batches that are requested ahead of time, besides one per thread. */
const SPARE = 2;

interface Waiting {
  resolve(buffer: ArrayBuffer): void;
  reject(error: Error): void;
}

/**
 * Fills batches in worker threads, a few ahead of time, and returns them in order. Buffers are transferred back and
 * forth and reused; images in shared memory are not copied. The threads start with the first request.
 */
export function loadInThreads(count: number): Loader {
  const mostAhead = count + SPARE;
  const waiting = new Map<number, Waiting>();
  const splits = new Map<Pixels, number>();
  let threads: Worker[] = [];
  let free: ArrayBuffer[] = [];
  let requested = 0;
  let fault: Error | undefined;

  const fail = (error: Error): void => {
    fault ??= error;
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
  };

  const receive = ({ id, buffer, failure }: FromThread): void => {
    if (failure) waiting.get(id)?.reject(errorFromFailure(failure));
    else waiting.get(id)?.resolve(buffer);
    waiting.delete(id);
  };

  const start = (): void => {
    threads = Array.from({ length: count }, () => {
      const thread = startThread(import.meta.url, 'thread');
      thread.on('message', receive).on('error', fail);
      thread.on('exit', () => fail(new Error('a loading thread has ended')));
      return thread;
    });
  };

  const splitOf = (pixels: Pixels, { stored }: Preparation): number => {
    const known = splits.get(pixels);
    if (known !== undefined) return known;
    const split = splits.size;
    splits.set(pixels, split);
    for (const thread of threads) tell(thread, { do: 'open', split, pixels, stored });
    return split;
  };

  /** The buffer of a batch, once it is filled. */
  const ask = (split: number, preparation: Preparation, request: BatchRequest): Promise<ArrayBuffer> => {
    const bytes = 4 * request.indices.length * bytesOf(preparation.shape);
    const at = free.findIndex(({ byteLength }) => byteLength === bytes);
    const buffer = at < 0 ? new ArrayBuffer(bytes) : free.splice(at, 1)[0];
    const id = requested++;
    const filled = new Promise<ArrayBuffer>((resolve, reject) => {
      if (fault) reject(fault);
      else waiting.set(id, { resolve, reject });
    });
    filled.catch(() => {}); // whoever awaits it gets the error; batches that are no longer needed have no one waiting
    tell(threads[id % count], { do: 'fill', id, split, preparation, request, buffer }, [buffer]);
    return filled;
  };

  return {
    async *load(pixels, preparation, requests) {
      if (threads.length === 0) start();
      const split = splitOf(pixels, preparation);
      const ahead: Promise<ArrayBuffer>[] = [];
      const give = (buffer: ArrayBuffer): void => {
        free = [buffer, ...free].slice(0, mostAhead + 1);
      };
      try {
        for (const request of requests) {
          ahead.push(ask(split, preparation, request));
          if (ahead.length <= mostAhead) continue;
          const buffer = await ahead.shift()!;
          yield new Float32Array(buffer);
          give(buffer);
        }
        while (ahead.length > 0) {
          const buffer = await ahead.shift()!;
          yield new Float32Array(buffer);
          give(buffer);
        }
      } finally {
        for (const filled of ahead) filled.then(give, () => {});
      }
    },
    async close() {
      const ended = threads.map((thread) => (thread.threadId === -1 ? undefined : once(thread, 'exit')));
      for (const thread of threads) tell(thread, { do: 'close' });
      await Promise.all(ended);
      threads = [];
    },
  };
}

function tell(thread: Worker, message: ToThread, transfer: ArrayBuffer[] = []): void {
  thread.postMessage(message, transfer);
}
