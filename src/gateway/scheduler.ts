import type { Logger } from 'pino';
import { messageOf } from '../base/errors.js';
import { type Random, random } from '../base/random.js';
import { leastLoaded } from '../scheduling/policies/least-loaded.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { fillInProportion } from '../scheduling/simulation/fill.js';
import type { Observation } from '../scheduling/simulation/observation.js';
import { observe } from './observe.js';
import type { Upstream } from './upstream.js';

export interface SchedulerEvents {
  decided(seconds: number): void;
  /** Least-loaded decides from now on, for this reason; or, without a reason, the chosen policy decides again. */
  fallback(reason: string | undefined): void;
}

/** Decides how many of the waiting requests each server gets. */
export interface Scheduler {
  /** Never more than a server's free capacity, whatever the policy: a request that waits here can still go to any server. */
  decide(waiting: number): Int32Array;
  /** The policy's offers, for drivers that need shares instead of counts. */
  offers(waiting: number): Float64Array;
  /** Replaces the policy, or, if there is none, gives the reason. */
  use(policy: Policy | { readonly reason: string }): void;
}

/**
 * Decides with a policy. Falls back to least-loaded with the gateway's own counts if there is no policy, if it fails, or if
 * a server's reports can't be read.
 */
export function createScheduler(
  upstreams: readonly Upstream[],
  policy: Policy,
  reportEveryMs: number,
  events: SchedulerEvents,
  next: Random = random(Date.now()),
): Scheduler {
  let chosen = policy;
  /** Why the chosen policy can't be used until it is replaced. */
  let fault: string | undefined;
  let lastReason: string | undefined;

  const reasonToFallBack = (): string | undefined => {
    const unread = upstreams.find(({ up, reportFault }) => up && reportFault !== undefined);
    const reason = fault ?? (unread && `${unread.origin}/metrics: ${unread.reportFault}`);
    if (reason !== lastReason) events.fallback(reason);
    lastReason = reason;
    return reason;
  };

  const choose = (observation: Observation, offers: Float64Array): void => {
    try {
      chosen(observation, next, offers);
      if (offers.every((offer) => Number.isSafeInteger(offer) && offer >= 0)) return;
      fault = `the policy failed: expected whole numbers from 0 as offers, found ${offers.join(', ')}`;
    } catch (thrown) {
      fault = `the policy failed: ${messageOf(thrown)}`;
    }
  };

  const offersFor = (waiting: number): Float64Array => {
    const started = performance.now();
    const observation = observe(upstreams, waiting, reportEveryMs);
    const offers = new Float64Array(upstreams.length);
    if (reasonToFallBack() === undefined) choose(observation, offers);
    if (reasonToFallBack() !== undefined) leastLoaded(observation, next, offers);
    upstreams.forEach(({ up }, i) => {
      if (!up) offers[i] = 0;
    });
    events.decided((performance.now() - started) / 1000);
    return offers;
  };

  return {
    offers: offersFor,
    decide(waiting) {
      const taken = new Int32Array(upstreams.length);
      const offers = offersFor(waiting);
      upstreams.forEach(({ capacity, inFlight }, i) => {
        offers[i] = Math.min(offers[i], Math.max(0, capacity - inFlight));
      });
      fillInProportion(offers, waiting, taken);
      return taken;
    },
    use(given) {
      const isPolicy = typeof given === 'function';
      if (isPolicy) chosen = given;
      fault = isPolicy ? undefined : given.reason;
      reasonToFallBack();
    },
  };
}

/** Adds log lines to the events. */
export const loggedEvents = (events: SchedulerEvents, log: Logger): SchedulerEvents => ({
  decided: events.decided,
  fallback(reason) {
    events.fallback(reason);
    if (reason === undefined) log.warn('the chosen policy decides again');
    else log.error({ reason }, 'least-loaded decides instead of the chosen policy');
  },
});
