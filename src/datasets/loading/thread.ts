import { parentPort } from 'node:worker_threads';
import { type Failure, failureOf } from '../../base/threads.js';
import { openPixels, type PixelReader } from '../pixels.js';
import { fillBatch } from './fill-batch.js';
import type { FillMessage, FromThread, ToThread } from './messages.js';

/** A loading thread: fills one batch after the other, until it receives `close` (`loading/threads.ts` starts it). */
const port = parentPort!;
const readers = new Map<number, PixelReader>();
let closing = false;
let last: Promise<void> = Promise.resolve();

port.on('message', (message: ToThread) => {
  if (message.do === 'open') {
    readers.set(message.split, openPixels(message.pixels, message.stored));
  } else if (message.do === 'fill') {
    last = last.then(() => (closing ? undefined : answer(message)));
  } else {
    closing = true;
    last = last.then(close);
  }
});

async function answer({ id, split, preparation, request, buffer }: FillMessage): Promise<void> {
  let failure: Failure | undefined;
  try {
    await fillBatch(readers.get(split)!, preparation, request, new Float32Array(buffer));
  } catch (thrown) {
    failure = failureOf(thrown);
  }
  port.postMessage({ id, buffer, failure } satisfies FromThread, [buffer]);
}

async function close(): Promise<void> {
  await Promise.all([...readers.values()].map((reader) => reader.close()));
  port.close();
}
