import { messageOf } from '../../base/errors.js';
import { openTailInThread, type TailInThread } from './tail-in-thread.js';
import type { BundleSource } from './tail-messages.js';

/** Milliseconds before each attempt to bring back a thread that has died; after the last one nothing is tried any more. */
const PAUSES_MS = [1000, 5000, 25_000];
/** Milliseconds after which a thread counts as well, and the pauses begin anew. */
const WELL_MS = 600_000;

/** Why a tail can't answer. */
export interface TailFault {
  readonly error: Error;
  /** Whether it stays so. */
  readonly forGood: boolean;
}

/** What happens to the thread of a tail. */
export interface TailEvents {
  /** @param pauseMs until it is started again; nothing where it is given up */
  died(error: Error, pauseMs: number | undefined): void;
  restarted(): void;
}

/** A tail whose thread is started again when it dies. */
export interface SupervisedTail extends TailInThread {
  fault(): TailFault | undefined;
}

/** @throws UserError where the bundle is not what its manifest says. */
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
    if (performance.now() - since > WELL_MS) attempts = 0;
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
    infer: (parts, batch) => tail.infer(parts, batch),
    async close() {
      closed = true;
      clearTimeout(timer);
      await restarting;
      await tail.close();
      fault ??= { error: new Error('the tail was closed'), forGood: true };
    },
  };
}
