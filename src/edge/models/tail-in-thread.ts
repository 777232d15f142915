import { once } from 'node:events';
import { revived, startThread } from '../../base/threads.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { BundleSource, FromTailThread, InferMessage, TailThreadData } from './tail-messages.js';

/** A tail that computes in a thread of its own, and what else its bundle holds. */
export interface TailInThread {
  /** Logits [batch, classes] of a batch that comes in parts, each in the tail's datatype. */
  infer(parts: readonly Values[], batch: number): Promise<Float32Array>;
  close(): Promise<void>;
  readonly manifest: Manifest;
  /** All files of the bundle but the tail. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Why the thread ended before it was closed; from then on `infer` rejects. */
  fault(): Error | undefined;
}

interface Waiting {
  /** Where its values lie. */
  readonly memory: SharedArrayBuffer;
  resolve(logits: Float32Array): void;
  reject(error: Error): void;
}

/**
 * Reads a bundle, checks it and opens its tail, all in a new thread.
 *
 * @param threads that compute one batch
 * @throws UserError where the bundle is not what its manifest says.
 */
export async function openTailInThread(source: BundleSource, threads: number): Promise<TailInThread> {
  const thread = startThread(import.meta.url, 'tail-thread', { source, threads } satisfies TailThreadData);
  const waiting = new Map<number, Waiting>();
  const spare = createSpareMemory();
  let asked = 0;
  let fault: Error | undefined;
  const fail = (error: Error): void => {
    fault ??= error;
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
  };
  const take = (id: number): Waiting | undefined => {
    const asker = waiting.get(id);
    if (asker) spare.give(asker.memory);
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
    infer: (parts, batch) =>
      new Promise((resolve, reject) => {
        if (fault) return reject(fault);
        const id = asked++;
        const memory = spare.take(parts.reduce((bytes, { byteLength }) => bytes + byteLength, 0));
        waiting.set(id, { memory, resolve, reject });
        thread.postMessage({ id, values: joined(parts, memory), batch } satisfies InferMessage);
      }),
    async close() {
      if (fault) return;
      const ended = once(thread, 'exit');
      thread.postMessage('close');
      await ended;
    },
  };
}

/**
 * Memory for batches that are computed, used again and again: new buffers for each would set the collector of both threads to
 * work that takes as long as a small network.
 */
function createSpareMemory() {
  const free: SharedArrayBuffer[] = [];
  return {
    take(bytes: number): SharedArrayBuffer {
      const memory = free.pop();
      return memory && memory.byteLength >= bytes ? memory : new SharedArrayBuffer(bytes);
    },
    give: (memory: SharedArrayBuffer) => void free.push(memory),
  };
}

/** The values of all parts, one after another. */
function joined(parts: readonly Values[], memory: SharedArrayBuffer): Values {
  const Kind = parts[0].constructor as new (memory: SharedArrayBuffer, at: number, length: number) => Values;
  const all = new Kind(
    memory,
    0,
    parts.reduce((length, part) => length + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
