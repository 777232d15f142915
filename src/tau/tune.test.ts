import { expect, test } from 'vitest';
import { UserError } from '../base/errors.js';
import { random } from '../base/random.js';
import { collaborative, type Outcomes } from './outcomes.js';
import { type TauOptions, tuneOneExit } from './tune.js';

/** Entropies near 0, a branch that is wrong more often where they are high, a full branch of about 99 %. */
function simulated(n: number, seed = 1): Outcomes {
  const next = random(seed);
  const outcomes = { entropy: new Float64Array(n), branchRight: new Uint8Array(n), fullRight: new Uint8Array(n) };
  for (let i = 0; i < n; i++) {
    const u = next();
    outcomes.entropy[i] = u ** 8;
    outcomes.branchRight[i] = next() < 1 - 0.2 * u ** 12 ? 1 : 0;
    outcomes.fullRight[i] = next() < 0.99 ? 1 : 0;
  }
  return outcomes;
}

const outcomes = simulated(5000);

test('the default: risk, exact, five folds, plain data', () => {
  const result = tuneOneExit(outcomes);
  expect(result).toMatchObject({ method: 'exact', objective: 'risk', epsilon: 0.001, delta: 0.1, samples: 5000 });
  expect(result.note).toBeUndefined();
  expect(result.full.accuracy).toBe(collaborative(outcomes, 0).accuracy);
  expect(result.branch.accuracy).toBe(collaborative(outcomes, 1).accuracy);
  expect(result.collaborative).toEqual(collaborative(outcomes, result.tau));
  expect(result.folds).toMatchObject({ count: 5, samples: 1000, epsilon: 0.003 });
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
});

test('the curve is at most 200 exact points, ascending, the chosen one among them', () => {
  for (const n of [2, 150, 5000]) {
    const some = simulated(n);
    const { tau, curve } = tuneOneExit(some, { folds: 2 });
    expect(curve.length).toBeLessThanOrEqual(200);
    expect(curve.map((point) => point.tau)).toContain(tau);
    expect(curve[0].tau).toBe(0);
    expect(curve.at(-1)!.exitRatio).toBe(1);
    for (const [i, { tau, ...measures }] of curve.entries()) {
      expect(measures).toEqual(collaborative(some, tau));
      if (i > 0) expect(tau).toBeGreaterThan(curve[i - 1].tau);
    }
  }
});

test('same seed, same folds; folds are judged outside themselves', () => {
  expect(tuneOneExit(outcomes, { seed: 3 })).toEqual(tuneOneExit(outcomes, { seed: 3 }));
  expect(tuneOneExit(outcomes, { seed: 3 }).folds).not.toEqual(tuneOneExit(outcomes, { seed: 4 }).folds);
  // Two folds of one sample each: what is tuned on the one is judged on the other.
  const two = { entropy: Float64Array.of(0.2, 0.4), branchRight: Uint8Array.of(1, 0), fullRight: Uint8Array.of(0, 1) };
  const { folds } = tuneOneExit(two, { objective: 'accuracy', folds: 2 });
  // On the first: exit, tau 0.6, so the second exits too and is wrong. On the second: tau 0, so the first stays and is wrong.
  expect(folds.tau).toEqual({ mean: 0.3, std: Math.sqrt(0.18), min: 0, max: 0.6 });
  expect(folds.accuracy).toEqual({ mean: 0, std: 0, min: 0, max: 0 });
  expect(folds.exitRatio).toMatchObject({ min: 0, max: 1 });
});

test('algorithm-2 takes the paper’s objective and names its shortfall', () => {
  const found = tuneOneExit(outcomes, { method: 'algorithm-2' });
  expect(found.objective).toBe('accuracy');
  const gap = tuneOneExit(outcomes, { objective: 'accuracy' }).collaborative.accuracy - found.collaborative.accuracy;
  expect(found.shortfall!.points).toBeCloseTo(100 * gap, 9);
});

test('latency keeps the floor and gives Eq. 13 for one branch', () => {
  const found = tuneOneExit(outcomes, { objective: 'latency', deviceMs: 2, edgeMs: 60, accuracyFloor: 0.985 });
  expect(found.collaborative.accuracy).toBeGreaterThanOrEqual(0.985);
  expect(found.expectedLatencyMs).toBeCloseTo(2 + (1 - found.collaborative.exitRatio) * 60, 9);
  const stricter = tuneOneExit(outcomes, { objective: 'latency', deviceMs: 2, edgeMs: 60, accuracyFloor: 0.993 });
  expect(stricter.collaborative.exitRatio).toBeLessThan(found.collaborative.exitRatio);
  expect(() => tuneOneExit(outcomes, { objective: 'latency', deviceMs: 2, edgeMs: 60, accuracyFloor: 0.9999 })).toThrow(
    /accuracy floor: expected at most 0\.99\d+, the best that any threshold reaches, found 0\.9999/,
  );
});

test.each<[string, TauOptions]>([
  ['a method of exact, algorithm-2, found guess', { method: 'guess' } as unknown as TauOptions],
  [
    'an objective of risk, accuracy, exits, latency, found toString',
    { objective: 'toString' } as unknown as TauOptions,
  ],
  ['objective accuracy with method algorithm-2, found risk', { method: 'algorithm-2', objective: 'risk' }],
  ['an epsilon in (0, 1), found 0', { epsilon: 0 }],
  ['an epsilon in [0, 1), found NaN', { objective: 'exits', epsilon: Number.NaN }],
  ['a delta in (0, 1), found 1', { delta: 1 }],
  ['both times (ms, >= 0) for latency, found 2 and undefined', { objective: 'latency', deviceMs: 2 }],
  ['an accuracy floor only with objective latency, found risk', { accuracyFloor: 0.9 }],
  ['at least 2 folds, found 1', { folds: 1 }],
  ['at least 5001 validation samples, one for each fold, found 5000', { folds: 5001 }],
])('refuses what it does not know: expected %s', (message, options) => {
  const attempt = () => tuneOneExit(outcomes, options);
  expect(attempt).toThrow(UserError);
  expect(attempt).toThrow(message);
});
