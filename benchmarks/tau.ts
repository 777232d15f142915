/**
 * Times the search for τ on 1,000,000 simulated samples: `npm run bench:tau`.
 *
 * Times are medians of several runs; they depend on the machine and never fail the benchmark. Wrong results do: every
 * threshold found by `exact` is compared with a scan over 1,000 thresholds that shares no code with the search.
 */
import { random } from '../src/base/random.js';
import { thresholdCurve } from '../src/tau/curve.js';
import { collaborative, type Outcomes } from '../src/tau/outcomes.js';
import { SEARCH_METHODS } from '../src/tau/search.js';
import { tuneOneExit } from '../src/tau/tune.js';
import { writeResult } from './results.js';

const SAMPLES = 1_000_000;
const RUNS = 5;
const SCANNED = 1_000;
const LIMITS = { deviceMs: 2, edgeMs: 60 };
const DEFAULT_EPSILON = 0.001;

interface Scanned {
  readonly accuracy: number;
  readonly exitRatio: number;
  readonly harmful: number;
}

/** Shares of correct answers, exits and harmful exits at the thresholds 0, 1/1000, ..., 1, from a histogram. */
function scan({ entropy, branchRight, fullRight }: Outcomes): Scanned[] {
  const bins = Array.from({ length: SCANNED + 1 }, () => ({ exits: 0, gained: 0, harmful: 0 }));
  let fullHits = 0;
  for (let i = 0; i < entropy.length; i++) {
    // Bin b counts the samples that exit at threshold b/1000 but not at the one before.
    const bin = bins[Math.floor(entropy[i] * SCANNED) + 1];
    fullHits += fullRight[i];
    if (bin === undefined) continue;
    bin.exits++;
    bin.gained += branchRight[i] - fullRight[i];
    bin.harmful += branchRight[i] < fullRight[i] ? 1 : 0;
  }
  let [exits, hits, harmful] = [0, fullHits, 0];
  return bins.map((bin) => {
    exits += bin.exits;
    hits += bin.gained;
    harmful += bin.harmful;
    return { accuracy: hits / SAMPLES, exitRatio: exits / SAMPLES, harmful: harmful / SAMPLES };
  });
}

/** Entropies near 0, like those of trained networks. The branch errs where they are high, the full network in 1 %. */
function simulate(): Outcomes {
  const next = random(1);
  const outcomes = {
    entropy: new Float64Array(SAMPLES),
    branchRight: new Uint8Array(SAMPLES),
    fullRight: new Uint8Array(SAMPLES),
  };
  for (let i = 0; i < SAMPLES; i++) {
    const u = next();
    outcomes.entropy[i] = u ** 8;
    outcomes.branchRight[i] = next() < 1 - 0.15 * u ** 12 ? 1 : 0;
    outcomes.fullRight[i] = next() < 0.99 ? 1 : 0;
  }
  return outcomes;
}

function medianMs(run: () => void): number {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)];
}

const outcomes = simulate();
const scanned = scan(outcomes);
const full = scanned[0].accuracy;

/** Whether a threshold of the scan beats a result, by objective. */
const beaten = {
  // The bound stays below epsilon, so only a threshold that is a tenth below it counts as overlooked.
  risk: (found, one) => one.harmful < 0.9 * DEFAULT_EPSILON && one.exitRatio > found.exitRatio,
  accuracy: (found, one) => one.accuracy > found.accuracy,
  exits: (found, one) => one.accuracy >= full && one.exitRatio > found.exitRatio,
  latency: (found, one) => one.accuracy >= full && one.exitRatio > found.exitRatio,
} satisfies Record<string, (found: { accuracy: number; exitRatio: number }, one: Scanned) => boolean>;

/** Whether a result keeps the promise of its objective on these samples. */
function kept(objective: keyof typeof beaten, tau: number, accuracy: number): boolean {
  if (objective === 'accuracy') return true;
  if (objective !== 'risk') return accuracy >= full;
  const harmful = outcomes.entropy.filter(
    (entropy, i) => entropy < tau && outcomes.branchRight[i] < outcomes.fullRight[i],
  );
  return harmful.length / SAMPLES <= DEFAULT_EPSILON;
}

/** Seconds by objective. */
const figures: Record<string, number> = {};
for (const objective of Object.keys(beaten) as (keyof typeof beaten)[]) {
  let tau = 0;
  const ms = medianMs(() => {
    tau = SEARCH_METHODS.exact(thresholdCurve(outcomes), objective, LIMITS).tau;
  });
  const found = collaborative(outcomes, tau);
  const right = kept(objective, tau, found.accuracy) && !scanned.some((one) => beaten[objective](found, one));
  if (!right) process.exitCode = 1;
  figures[objective] = ms / 1000;
  console.log(
    `exact ${objective.padEnd(8)} ${SAMPLES} samples: ${ms.toFixed(0)} ms (median of ${RUNS}), tau ${tau.toFixed(5)}, ` +
      `accuracy ${(100 * found.accuracy).toFixed(3)} %, exits ${(100 * found.exitRatio).toFixed(2)} %, ${right ? 'right' : 'WRONG'}`,
  );
}
const wholeMs = medianMs(() => tuneOneExit(outcomes));
figures['tune-tau'] = wholeMs / 1000;
writeResult('tau-search', { command: 'npm run bench:tau', figures });
console.log(`tuneTau (risk, 5 folds, curve) ${SAMPLES} samples: ${wholeMs.toFixed(0)} ms (median of ${RUNS})`);
