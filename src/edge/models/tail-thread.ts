import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from '../../base/threads.js';
import { type Bundle, readBundle } from '../../bundle/read-bundle.js';
import { openTail, type Tail } from '../tail.js';
import type { FromTailThread, InferMessage, TailThreadData } from './tail-messages.js';

/**
 * The thread of a tail: reads and checks the bundle, hashes and all, and computes, so that the thread that answers
 * requests never waits for either (`tail-in-thread.ts` starts it).
 */
const port = parentPort!;
const tell = (message: FromTailThread): void => port.postMessage(message);
const { source, threads } = workerData as TailThreadData;

try {
  const bundle: Bundle = typeof source === 'string' ? readBundle(source) : source;
  const tail = await openTail(bundle, threads);
  const files = new Map(bundle.files);
  files.delete(bundle.manifest.tail.file); // it stays here
  tell({ manifest: bundle.manifest, files });
  port.on('message', (message: InferMessage | 'close') => {
    if (message === 'close') tail.close().finally(() => port.close());
    else void answer(tail, message);
  });
} catch (thrown) {
  tell({ failure: failureOf(thrown) });
}

async function answer(tail: Tail, { id, values, batch }: InferMessage): Promise<void> {
  try {
    tell({ id, logits: await tail.infer(values, batch) });
  } catch (thrown) {
    tell({ id, failure: failureOf(thrown) });
  }
}
