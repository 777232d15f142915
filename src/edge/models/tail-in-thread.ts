import { once } from 'node:events';
import { errorFromFailure, startThread } from '../../base/threads.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { BundleSource, FromTailThread, InferMessage, TailThreadData } from './tail-messages.js';

/** A tail that computes in its own thread, and the other contents of its bundle. */
export interface TailInThread {
  /**
   * Computes logits [batch, classes] of a batch in several parts, each in the entry point's datatype.
   *
   * @param entry number of the entry point; default: the tail's
   * @throws TailDied
   */
  infer(parts: readonly Values[], batch: number, entry?: number): Promise<Float32Array>;
  close(): Promise<void>;
  readonly manifest: Manifest;
  /** All files of the bundle except the models. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The thread ended before it answered. The client may try again. */
export class TailDied extends Error {
  override readonly name = 'TailDied';
  readonly statusCode = 503;

  constructor() {
    super('this model has failed here; try again, or try another server');
  }
}

interface Waiting {
  /** Memory of its values. */
  readonly memory: SharedArrayBuffer;
  resolve(logits: Float32Array): void;
  reject(error: Error): void;
}

/**
 * Reads and checks a bundle and opens its tail, all in a new thread.
 *
 * @param threads number of threads for one batch
 * @param onDeath called with the reason if the thread ends without being closed
 * @throws UserError if the bundle differs from its manifest
 */
export async function openTailInThread(
  source: BundleSource,
  threads: number,
  onDeath: (error: Error) => void,
): Promise<TailInThread> {
  const thread = startThread(import.meta.url, 'tail-thread', { source, threads } satisfies TailThreadData);
  const waiting = new Map<number, Waiting>();
  const spare = createSpareMemory();
  let lastId = 0;
  let fault: TailDied | undefined;
  let isOpen = false;
  const fail = (error: Error): void => {
    if (fault) return;
    fault = new TailDied();
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
    if (isOpen) onDeath(error);
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
      const error = errorFromFailure(message.failure);
      if (message.id === undefined) reject(error);
      else take(message.id)?.reject(error);
    });
    thread.on('error', fail).on('error', reject);
    thread.on('exit', () => {
      const error = new Error('the thread of the tail has ended');
      fail(error);
      reject(error);
    });
  });
  const { manifest, files } = await opened;
  isOpen = true;
  return {
    manifest,
    files,
    infer: (parts, batch, entry = 0) =>
      new Promise((resolve, reject) => {
        if (fault) return reject(fault);
        const id = lastId++;
        const memory = spare.take(parts.reduce((bytes, { byteLength }) => bytes + byteLength, 0));
        waiting.set(id, { memory, resolve, reject });
        thread.postMessage({ id, values: joined(parts, memory), batch, entry } satisfies InferMessage);
      }),
    async close() {
      if (fault) return;
      isOpen = false;
      const ended = once(thread, 'exit');
      thread.postMessage('close');
      await ended;
    },
  };
}

/**
 * Memory for batches that is reused: new buffers for each batch would cause garbage collection in both threads that takes as
 * long as a small network.
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

/** Joins the values of all parts. */
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
