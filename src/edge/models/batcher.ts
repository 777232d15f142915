import type { Values } from '../../bundle/datatypes.js';
import type { RequestDeadline } from '../request-deadline.js';
import type { TailInThread } from './tail-in-thread.js';

export interface BatcherOptions {
  /** Most images in one batch. */
  readonly maxBatch: number;
  /**
   * Milliseconds that a request waits for others, once those before it are being computed. A tail that is idle computes
   * what comes at once.
   */
  readonly maxWaitMs: number;
  /** Most images that wait. */
  readonly maxQueue: number;
}

/** Logits [images, classes] of one request, and how it went. */
export interface Batched {
  readonly logits: Float32Array;
  readonly queueMs: number;
  /** Of the whole batch. */
  readonly inferMs: number;
}

/** Thrown where no more images may wait. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
  readonly statusCode = 503;

  /** @param retryAfterS seconds until those that wait now will be answered */
  constructor(readonly retryAfterS: number) {
    super(`the edge is busy; try again in ${retryAfterS} s`);
  }
}

/** Puts requests together to batches. */
export interface Batcher {
  /**
   * Logits of some images, at most `maxBatch`. Their values must stay as they are until then.
   *
   * @param deadline whose end takes the images out of the queue; its reason is then thrown
   * @throws Overloaded at once
   */
  infer(values: Values, images: number, deadline?: RequestDeadline): Promise<Batched>;
  /** Throws Overloaded where a request would be refused. */
  checkRoom(): void;
  /** Images that wait. */
  waiting(): number;
  /** Until nothing waits and nothing is computed. */
  idle(): Promise<void>;
}

interface Job {
  readonly values: Values;
  readonly images: number;
  readonly since: number;
  /** Whether it came to a tail that was busy. */
  readonly behind: boolean;
  resolve(batched: Batched): void;
  reject(reason: unknown): void;
}

/** One batch is computed and one more, if it is full, lies ready in the tail's thread, which then never waits for us. */
const MOST_RUNNING = 2;

/** @param onBatch hears of each batch that was computed: its images, and how long it took */
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

  const leave = (job: Job): void => {
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
          leave(job);
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
