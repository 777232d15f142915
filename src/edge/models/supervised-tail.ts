import { messageOf } from '../../base/errors.js';
import { openTailInThread, type TailInThread } from './tail-in-thread.js';
import type { BundleSource } from './tail-messages.js';

/** Milliseconds before each attempt to restart a thread that has died. After the last one, the thread is given up. */
const PAUSES_MS = [1000, 5000, 25_000];
/** Milliseconds after which a thread counts as healthy, and the pauses start from the beginning. */
const HEALTHY_MS = 600_000;

/** Why a tail can't answer. */
export interface TailFault {
  readonly error: Error;
  /** Whether the thread won't be restarted. */
  readonly forGood: boolean;
}

/** Events of a tail's thread. */
export interface TailEvents {
  /** @param pauseMs until it restarts; undefined if it is given up */
  died(error: Error, pauseMs: number | undefined): void;
  restarted(): void;
}

/** A tail whose thread restarts when it dies. */
export interface SupervisedTail extends TailInThread {
  fault(): TailFault | undefined;
}

/** @throws UserError if the bundle differs from its manifest */
export async function openSupervisedTail(
  source: BundleSource,
  threads: number,
  events: TailEvents,
): Promise<SupervisedTail> {
  let fault: TailFault | undefined;
  let attempts = 0;
  let timer: NodeJS.Timeout | undefined;
  let restarting: Promise<void> | undefined;
  let closed = false;

  const died = (error: Error): void => {
    if (closed) return;
    if (performance.now() - since > HEALTHY_MS) attempts = 0;
    const pauseMs = PAUSES_MS[attempts++];
    fault = { error, forGood: pauseMs === undefined };
    events.died(error, pauseMs);
    if (pauseMs === undefined) return;
    timer = setTimeout(() => {
      restarting = restart().catch((thrown) => died(new Error(messageOf(thrown))));
    }, pauseMs);
  };
  const restart = async (): Promise<void> => {
    const next = await openTailInThread(source, threads, died);
    const { version } = next.manifest;
    if (closed || version !== manifest.version) {
      await next.close();
      throw new Error(`expected version ${manifest.version}, found ${version} in its place`);
    }
    tail = next;
    since = performance.now();
    fault = undefined;
    events.restarted();
  };

  let since = performance.now();
  let tail = await openTailInThread(source, threads, died);
  const { manifest, files } = tail;
  return {
    manifest,
    files,
    fault: () => fault,
    infer: (parts, batch, entry) => tail.infer(parts, batch, entry),
    async close() {
      closed = true;
      clearTimeout(timer);
      await restarting;
      await tail.close();
      fault ??= { error: new Error('the tail was closed'), forGood: true };
    },
  };
}
