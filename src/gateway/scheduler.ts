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
  /** Least-loaded decides now, for this reason; without one, the policy that was chosen does again. */
  fallback(reason: string | undefined): void;
}

/** Decides how many of the waiting requests each server is given. */
export interface Scheduler {
  /** Never more than a server has places for, whatever the policy: what waits here, any server can still take. */
  decide(waiting: number): Int32Array;
  /** What the policy offers, for those who need shares and not counts. */
  offers(waiting: number): Float64Array;
  /** Another policy from now on; or none, for a reason. */
  use(policy: Policy | { readonly reason: string }): void;
}

/**
 * Decides by a policy, and by least-loaded with the gateway's own counts where that can't be: there is none, it fails, or
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
  /** Why the chosen policy is of no use until there is another. */
  let fault: string | undefined;
  let said: string | undefined;

  const reasonToFallBack = (): string | undefined => {
    const unread = upstreams.find(({ up, reportFault }) => up && reportFault !== undefined);
    const reason = fault ?? (unread && `${unread.origin}/metrics: ${unread.reportFault}`);
    if (reason !== said) events.fallback(reason);
    said = reason;
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

/** The same events, said in the log as well. */
export const loggedEvents = (events: SchedulerEvents, log: Logger): SchedulerEvents => ({
  decided: events.decided,
  fallback(reason) {
    events.fallback(reason);
    if (reason === undefined) log.warn('the chosen policy decides again');
    else log.error({ reason }, 'least-loaded decides in the place of the chosen policy');
  },
});
