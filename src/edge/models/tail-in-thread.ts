import { once } from 'node:events';
import { revived, startThread } from '../../base/threads.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { Tail } from '../tail.js';
import type { BundleSource, FromTailThread, TailThreadData } from './tail-messages.js';

/** A tail that computes in a thread of its own, and what else its bundle holds. */
export interface TailInThread extends Tail {
  readonly manifest: Manifest;
  /** All files of the bundle but the tail. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Why the thread ended before it was closed; from then on `infer` rejects. */
  fault(): Error | undefined;
}

interface Waiting {
  resolve(logits: Float32Array): void;
  reject(error: Error): void;
}

/**
 * Reads a bundle, checks it and opens its tail, all in a new thread. `infer` takes the values' buffer away from the
 * caller.
 *
 * @param threads that compute one batch
 * @throws UserError where the bundle is not what its manifest says.
 */
export async function openTailInThread(source: BundleSource, threads: number): Promise<TailInThread> {
  const thread = startThread(import.meta.url, 'tail-thread', { source, threads } satisfies TailThreadData);
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let fault: Error | undefined;
  const fail = (error: Error): void => {
    fault ??= error;
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
  };
  const take = (id: number): Waiting | undefined => {
    const asker = waiting.get(id);
    waiting.delete(id);
    return asker;
  };
  const opened = new Promise<{ manifest: Manifest; files: ReadonlyMap<string, Uint8Array> }>((resolve, reject) => {
    thread.on('message', (message: FromTailThread) => {
      if ('manifest' in message) return resolve(message);
      if ('logits' in message) return take(message.id)?.resolve(message.logits);
      const error = revived(message.failure);
      if (message.id === undefined) reject(error);
      else take(message.id)?.reject(error);
    });
    thread.on('error', fail).on('error', reject);
    thread.on('exit', () => {
      fail(new Error('the thread of the tail has ended'));
      reject(fault);
    });
  });
  const { manifest, files } = await opened;
  return {
    manifest,
    files,
    fault: () => fault,
    infer: (values, batch) =>
      new Promise((resolve, reject) => {
        if (fault) return reject(fault);
        const id = asked++;
        waiting.set(id, { resolve, reject });
        thread.postMessage({ id, values, batch }, [values.buffer as ArrayBuffer]);
      }),
    async close() {
      if (fault) return;
      const ended = once(thread, 'exit');
      thread.postMessage('close');
      await ended;
    },
  };
}
