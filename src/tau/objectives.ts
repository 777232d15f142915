import { percent } from '../base/format.js';
import { mostHarmAllowed } from './binomial.js';
import { type Curve, hitsAt } from './curve.js';

/** What objectives may be told; each names what it reads. Shares in [0, 1], times in milliseconds. */
export interface TauLimits {
  /** `risk`: harmful share allowed, of all samples. `exits`, `latency`: accuracy that may be lost against the full branch. */
  readonly epsilon?: number;
  /** `risk`: probability that the promise is broken. */
  readonly delta?: number;
  /** `latency`: time on the device, every sample. */
  readonly deviceMs?: number;
  /** `latency`: time for the edge's answer, network included, samples that do not exit. */
  readonly edgeMs?: number;
}

/** What `risk` promises where nobody says. */
export const RISK_LIMITS = { epsilon: 0.001, delta: 0.1 };

/** A point of the curve, and what the objective has to say about it. */
export interface ObjectiveChoice {
  readonly point: number;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly expectedLatencyMs?: number;
  readonly note?: string;
}

/** An objective picks its optimum from the exact curve. */
export type TauObjective = (curve: Curve, limits: TauLimits) => ObjectiveChoice;

/** Highest collaborative accuracy; ties go to more exits (the paper's objective, 3.1.3). */
const accuracy: TauObjective = (curve) => ({ point: best(curve, (point) => hitsAt(curve, point)) });

/** Most exits with a collaborative accuracy of at least the full branch's - ε (default 0). */
const exits: TauObjective = (curve, { epsilon = 0 }) => ({ point: mostExits(curve, epsilon), epsilon });

/**
 * Least expected latency (Eq. 13 for one branch) with a collaborative accuracy of at least the full branch's - ε
 * (default 0). Every exit saves edgeMs, so this is the point with the most exits that keeps the accuracy.
 */
const latency: TauObjective = (curve, { epsilon = 0, deviceMs = 0, edgeMs = 0 }) => {
  const point = mostExits(curve, epsilon);
  return { point, epsilon, expectedLatencyMs: deviceMs + (1 - curve.exits[point] / curve.samples) * edgeMs };
};

/**
 * The largest τ for which, with confidence 1 - δ, at most a share ε of all samples exits with a wrong answer that the
 * full branch would have had right. Fixed-sequence testing from τ = 0 upwards with an exact binomial bound
 * (Learn-then-Test; Jazbec et al., Fast yet Safe, NeurIPS 2024).
 *
 * Why thresholds taken from the samples themselves do no harm: read it as one test for every real τ in [0, 1], each
 * passed where k(τ), the harmful exits below τ, is at most the fixed number k*; n is all samples, so k* does not depend
 * on τ. k(τ) and the true share R(τ) never fall as τ grows. A chosen τ with R(τ) > ε means that tests were passed right
 * behind τ* = sup {τ: R(τ) <= ε}, a place that the samples have no say in; there k is Bin(n, > ε), and is at most k* with
 * probability <= δ. Points of the curve are where k can change; a τ below the next such place only lowers the risk.
 */
const risk: TauObjective = (curve, { epsilon: wanted = RISK_LIMITS.epsilon, delta = RISK_LIMITS.delta }) => {
  const provable = mostHarmAllowed(curve.samples, wanted, delta) >= 0;
  const epsilon = provable ? wanted : provableEpsilon(curve.samples, delta);
  const allowed = mostHarmAllowed(curve.samples, epsilon, delta);
  let point = 0;
  while (point + 1 < curve.tau.length && curve.harmful[point + 1] <= allowed) point++;
  if (provable) return { point, epsilon, delta };
  const needed = Math.ceil(Math.log(delta) / Math.log1p(-wanted));
  const note = `epsilon is ${percent(epsilon)}: to prove ${percent(wanted)} at delta ${delta} takes at least ${needed} samples, found ${curve.samples}`;
  return { point, epsilon, delta, note };
};

/** The objectives by the name that the command line knows. */
export const OBJECTIVES: Readonly<Record<ObjectiveName, TauObjective>> = { risk, accuracy, exits, latency };

export type ObjectiveName = 'risk' | 'accuracy' | 'exits' | 'latency';

/** 3/n at δ = 0.1: a little above what n samples prove if none is harmful, -ln δ / n; kept below 1 for a handful of samples. */
function provableEpsilon(samples: number, delta: number): number {
  return Math.min(0.9, Math.max(3, -1.3 * Math.log(delta)) / samples);
}

/** Most exits within the allowed loss of accuracy; the most accurate point where nothing is within it (ε < 0). */
function mostExits(curve: Curve, epsilon: number): number {
  // Counted in whole samples: 1e-9 keeps a rounded ε * n from costing one.
  const hitsNeeded = curve.fullHits - Math.floor(epsilon * curve.samples + 1e-9);
  return best(curve, (point) => {
    const hits = hitsAt(curve, point);
    return hits >= hitsNeeded ? curve.exits[point] : hits - curve.samples - 1;
  });
}

/** The point of the highest score; of equal ones that with more exits. */
function best(curve: Curve, score: (point: number) => number): number {
  let chosen = 0;
  let highest = score(0);
  for (let point = 1; point < curve.tau.length; point++) {
    const found = score(point);
    if (found < highest) continue;
    highest = found;
    chosen = point;
  }
  return chosen;
}
