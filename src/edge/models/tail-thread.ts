import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from '../../base/threads.js';
import type { Values } from '../../bundle/datatypes.js';
import { entryPointsOf } from '../../bundle/entry-points.js';
import { type Bundle, readBundle } from '../../bundle/read-bundle.js';
import { openTail, type Tail } from '../tail.js';
import type { FromTailThread, InferMessage, TailThreadData } from './tail-messages.js';

/**
 * The thread of a tail. It reads and checks the bundle, including hashes, and computes, so that the thread that answers
 * requests is never blocked. `tail-in-thread.ts` starts it.
 */
const port = parentPort!;
const tell = (message: FromTailThread): void => port.postMessage(message);
const { source, threads } = workerData as TailThreadData;
/** Batches are computed one after another, so they can use the same memory. */
let buffer = new ArrayBuffer(0);

try {
  const bundle: Bundle = typeof source === 'string' ? readBundle(source) : source;
  const tail = await openTail(bundle, threads);
  const files = new Map(bundle.files);
  // Only this thread needs the models.
  for (const file of entryPointsOf(bundle.manifest).flatMap((entry) => entry.files)) files.delete(file);
  tell({ manifest: bundle.manifest, files });
  let turn = Promise.resolve();
  port.on('message', (message: InferMessage | 'close') => {
    turn = turn.then(() => (message === 'close' ? tail.close().finally(() => port.close()) : answer(tail, message)));
  });
} catch (thrown) {
  tell({ failure: failureOf(thrown) });
}

async function answer(tail: Tail, { id, values, batch, entry }: InferMessage): Promise<void> {
  try {
    tell({ id, logits: await tail.infer(ownCopy(values), batch, entry) });
  } catch (thrown) {
    tell({ id, failure: failureOf(thrown) });
  }
}

/** Copies values, because ONNX Runtime doesn't accept shared memory. */
function ownCopy(values: Values): Values {
  if (buffer.byteLength < values.byteLength) buffer = new ArrayBuffer(values.byteLength);
  const Kind = values.constructor as new (memory: ArrayBuffer, at: number, length: number) => Values;
  const copy = new Kind(buffer, 0, values.length);
  copy.set(values);
  return copy;
}
