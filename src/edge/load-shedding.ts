import type { Logger } from 'pino';
import { loosenedTau } from '../tau/loosened-tau.js';
import type { Model } from './models/model.js';

/** Seconds for which clients are told to be content with less, and in which the queue has to be short again. */
const SECONDS = 10;
/** Share of the queue that has to be taken. */
const BUSY = 0.5;

/** Under load the server asks clients to send less, as far as a floor of accuracy allows. */
export interface LoadShedding {
  /** The header `lcdnn-tau` for answers of a model; nothing where it isn't busy. */
  header(model: Model): string | undefined;
}

/**
 * @param points of accuracy, below the full network's on the validation images, that may be lost; without it nothing is
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
      const loose = loosenedTau(measured.curve, tau, measured.full.accuracy - points / 100);
      if (loose === tau) return undefined;
      if (!wasBusy) log.warn({ model: name, tau, loose }, 'busy: clients are asked to send less');
      return `${Number(loose.toPrecision(6))};max-age=${SECONDS}`;
    },
  };
}
