import { percent } from '../base/format.js';
import { mostHarmAllowed, samplesToProve } from './binomial.js';
import { type Curve, hitsAt } from './curve.js';

/** Limits for the objectives; each comment names the objectives that use it. Shares in [0, 1], times in milliseconds. */
export interface TauLimits {
  /** `risk`: allowed share of harmful exits among all samples. `exits`, `latency`: allowed loss of accuracy against the full branch. */
  readonly epsilon?: number;
  /** `risk`: probability that the guarantee fails. */
  readonly delta?: number;
  /** `latency`: time on the device, for every sample. */
  readonly deviceMs?: number;
  /** `latency`: time of the edge's answer, network included, for samples that don't exit early. */
  readonly edgeMs?: number;
}

/** Default limits of `risk`. */
export const RISK_LIMITS = { epsilon: 0.001, delta: 0.1 };

/** The point of the curve that an objective chooses, with the limits that hold there. */
export interface ObjectiveChoice {
  readonly point: number;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly expectedLatencyMs?: number;
  readonly note?: string;
}

/** An objective chooses its optimum on the exact curve. */
export type TauObjective = (curve: Curve, limits: TauLimits) => ObjectiveChoice;

/** Highest collaborative accuracy; ties prefer more exits (the paper's objective, 3.1.3). */
const accuracy: TauObjective = (curve) => ({ point: best(curve, (point) => hitsAt(curve, point)) });

/** Most early exits with a collaborative accuracy of at least the full branch's - ε (default 0). */
const exits: TauObjective = (curve, { epsilon = 0 }) => ({ point: mostExits(curve, epsilon), epsilon });

/**
 * Lowest expected latency (Eq. 13 for one branch) with a collaborative accuracy of at least the full branch's - ε
 * (default 0). Every exit saves edgeMs, so this is the point with the most exits that keeps the accuracy.
 */
const latency: TauObjective = (curve, { epsilon = 0, deviceMs = 0, edgeMs = 0 }) => {
  const point = mostExits(curve, epsilon);
  return { point, epsilon, expectedLatencyMs: deviceMs + (1 - curve.exits[point] / curve.samples) * edgeMs };
};

/**
 * The largest τ for which, with confidence 1 - δ, at most a share ε of all samples exits early with a wrong answer that
 * the full branch would have got right. Fixed-sequence testing from τ = 0 upwards with an exact binomial bound
 * (Learn-then-Test; Jazbec et al., Fast yet Safe, NeurIPS 2024).
 *
 * Taking the thresholds from the samples themselves is valid. Think of one test for every real τ in [0, 1], passed if
 * k(τ), the number of harmful exits below τ, is at most a fixed number k*. n counts all samples, so k* doesn't depend on
 * τ. Neither k(τ) nor the true share R(τ) decreases with τ. If the chosen τ has R(τ) > ε, then the tests just above
 * τ* = sup {τ: R(τ) <= ε} were passed. τ* doesn't depend on the samples, so there k is Bin(n, > ε), and is at most k* with
 * probability <= δ. k can change only at the points of the curve; a τ below the next point only lowers the risk.
 */
const risk: TauObjective = (curve, { epsilon: wanted = RISK_LIMITS.epsilon, delta = RISK_LIMITS.delta }) => {
  const provable = mostHarmAllowed(curve.samples, wanted, delta) >= 0;
  const epsilon = provable ? wanted : provableEpsilon(curve.samples, delta);
  const allowed = mostHarmAllowed(curve.samples, epsilon, delta);
  let point = 0;
  while (point + 1 < curve.tau.length && curve.harmful[point + 1] <= allowed) point++;
  if (provable) return { point, epsilon, delta };
  const needed = samplesToProve(wanted, delta);
  const note = `epsilon is ${percent(epsilon)}, because proving ${percent(wanted)} at delta ${delta} needs at least ${needed} samples, found ${curve.samples}`;
  return { point, epsilon, delta, note };
};

/** The objectives by their names on the command line. */
export const OBJECTIVES: Readonly<Record<ObjectiveName, TauObjective>> = { risk, accuracy, exits, latency };

export type ObjectiveName = 'risk' | 'accuracy' | 'exits' | 'latency';

/** 3/n at δ = 0.1: slightly more than n samples without a harmful exit prove (-ln δ / n); below 1 even for few samples. */
function provableEpsilon(samples: number, delta: number): number {
  return Math.min(0.9, Math.max(3, -1.3 * Math.log(delta)) / samples);
}

/** Most early exits within the allowed loss of accuracy; the most accurate point if none is within it (ε < 0). */
function mostExits(curve: Curve, epsilon: number): number {
  // In whole samples; 1e-9 compensates for rounding of ε * n.
  const hitsNeeded = curve.fullHits - Math.floor(epsilon * curve.samples + 1e-9);
  return best(curve, (point) => {
    const hits = hitsAt(curve, point);
    return hits >= hitsNeeded ? curve.exits[point] : hits - curve.samples - 1;
  });
}

/** The point with the highest score; ties prefer more exits. */
function best(curve: Curve, score: (point: number) => number): number {
  let chosen = 0;
  let highest = score(0);
  for (let point = 1; point < curve.tau.length; point++) {
    const value = score(point);
    if (value < highest) continue;
    highest = value;
    chosen = point;
  }
  return chosen;
}
