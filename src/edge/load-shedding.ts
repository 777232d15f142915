import type { Logger } from 'pino';
import { loosenedTau } from '../tau/loosened-tau.js';
import type { Model } from './models/model.js';

/** Seconds for which clients apply a loosened threshold, and for which the queue must stay short before it ends. */
const SECONDS = 10;
/** Share of the queue at which a model counts as busy. */
const BUSY = 0.5;

/** Load shedding: while busy, the server asks clients to send fewer images, within a limit on the lost accuracy. */
export interface LoadShedding {
  /** The header `lcdnn-tau` for answers of a model; undefined unless it is busy. */
  header(model: Model): string | undefined;
}

/**
 * @param points percentage points of accuracy below the full network's, on the validation images, that may be lost;
 *   undefined turns load shedding off
 */
export function createLoadShedding(points: number | undefined, maxQueue: number, log: Logger): LoadShedding {
  const busyUntil = new WeakMap<Model, number>();
  return {
    header(model) {
      const { measured, tau, name } = model;
      if (points === undefined || !measured) return undefined;
      const now = performance.now();
      const wasBusy = now < (busyUntil.get(model) ?? 0);
      if (model.waiting() >= BUSY * maxQueue) busyUntil.set(model, now + 1000 * SECONDS);
      else if (!wasBusy) return undefined;
      const loosened = loosenedTau(measured.curve, tau, measured.full.accuracy - points / 100);
      if (loosened === tau) return undefined;
      if (!wasBusy) log.warn({ model: name, tau, loosened }, 'busy: clients are asked to send fewer images');
      return `${Number(loosened.toPrecision(6))};max-age=${SECONDS}`;
    },
  };
}
