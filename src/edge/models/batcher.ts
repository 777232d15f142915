import type { Values } from '../../bundle/datatypes.js';
import type { RequestDeadline } from '../request-deadline.js';
import type { TailInThread } from './tail-in-thread.js';

export interface BatcherOptions {
  /** Largest number of images in one batch. */
  readonly maxBatch: number;
  /**
   * Milliseconds that a request waits for others while earlier ones are computed. An idle tail computes a request
   * immediately.
   */
  readonly maxWaitMs: number;
  /** Largest number of waiting images. */
  readonly maxQueue: number;
}

/** Logits [images, classes] of one request, and its times. */
export interface Batched {
  readonly logits: Float32Array;
  readonly queueMs: number;
  /** Time of the whole batch. */
  readonly inferMs: number;
}

/** Thrown if no more images may wait. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
  readonly statusCode = 503;

  /** @param retryAfterS seconds until the waiting requests will be answered */
  constructor(readonly retryAfterS: number) {
    super(`the edge is busy; try again in ${retryAfterS} s`);
  }
}

/** Combines requests into batches. */
export interface Batcher {
  /**
   * Computes logits of at most `maxBatch` images. Their values must not change until then.
   *
   * @param deadline takes the images out of the queue when it is over; its reason is thrown
   * @throws Overloaded immediately if the queue is full
   */
  infer(values: Values, images: number, deadline?: RequestDeadline): Promise<Batched>;
  /** Throws Overloaded if a request would be refused. */
  checkRoom(): void;
  /** Number of waiting images. */
  waiting(): number;
  /** Resolves when nothing waits and nothing is computed. */
  idle(): Promise<void>;
}

interface Job {
  readonly values: Values;
  readonly images: number;
  readonly since: number;
  /** Whether the tail was busy when it arrived. */
  readonly behind: boolean;
  resolve(batched: Batched): void;
  reject(reason: unknown): void;
}

/** One batch is computed, and a second one, if it is full, waits in the tail's thread, so that the thread is never idle. */
const MOST_RUNNING = 2;

/** @param onBatch called for each computed batch with its number of images and its time */
export function createBatcher(
  tail: Pick<TailInThread, 'infer'>,
  { maxBatch, maxWaitMs, maxQueue }: BatcherOptions,
  onBatch: (images: number, ms: number) => void = () => {},
): Batcher {
  let queue: Job[] = [];
  let queued = 0;
  let running = 0;
  let timer: NodeJS.Timeout | undefined;
  let msPerImage = 0;
  let idlers: (() => void)[] = [];

  const checkRoom = (images = 1): void => {
    if (queued + images > maxQueue) throw new Overloaded(Math.max(1, Math.ceil((queued * msPerImage) / 1000)));
  };

  const remove = (job: Job): void => {
    if (!queue.includes(job)) return;
    queue = queue.filter((other) => other !== job);
    queued -= job.images;
  };

  const isDue = (): boolean => {
    if (queued >= maxBatch) return running < MOST_RUNNING;
    return running === 0 && (!queue[0].behind || performance.now() - queue[0].since >= maxWaitMs);
  };

  const advance = (): void => {
    clearTimeout(timer);
    while (queue.length > 0 && isDue()) void compute(takeBatch());
    if (queue.length > 0 && running === 0) {
      timer = setTimeout(advance, Math.max(0, queue[0].since + maxWaitMs - performance.now()));
    }
    if (queue.length > 0 || running > 0) return;
    for (const resolve of idlers) resolve();
    idlers = [];
  };

  const takeBatch = (): Job[] => {
    let [count, images] = [0, 0];
    while (count < queue.length && images + queue[count].images <= maxBatch) images += queue[count++].images;
    queued -= images;
    return queue.splice(0, count);
  };

  const compute = async (jobs: Job[]): Promise<void> => {
    const images = jobs.reduce((all, job) => all + job.images, 0);
    const started = performance.now();
    running++;
    try {
      const parts = jobs.map(({ values }) => values);
      const logits = await tail.infer(parts, images);
      const inferMs = performance.now() - started;
      const now = inferMs / images;
      msPerImage = msPerImage === 0 ? now : 0.9 * msPerImage + 0.1 * now;
      onBatch(images, inferMs);
      const classes = logits.length / images;
      let at = 0;
      for (const job of jobs) {
        const end = at + job.images * classes;
        job.resolve({ logits: logits.subarray(at, end), queueMs: started - job.since, inferMs });
        at = end;
      }
    } catch (thrown) {
      for (const job of jobs) job.reject(thrown);
    } finally {
      running--;
      advance();
    }
  };

  return {
    infer(values, images, deadline) {
      return new Promise((resolve, reject) => {
        const reason = deadline?.over();
        if (reason) throw reason;
        checkRoom(images);
        const job: Job = { values, images, since: performance.now(), behind: running > 0, resolve, reject };
        deadline?.onceOver((reason) => {
          remove(job);
          reject(reason);
          advance();
        });
        queue.push(job);
        queued += images;
        advance();
      });
    },
    checkRoom,
    waiting: () => queued,
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        advance();
      }),
  };
}
