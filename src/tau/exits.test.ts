import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { random } from '../base/random.js';
import { collaborativeExits, type ExitOutcomes, searchExits } from './exits.js';
import { collaborative, type Outcomes } from './outcomes.js';
import { tuneOneExit } from './tune.js';
import { tuneExits } from './tune-exits.js';

/** Few distinct entropies, so that ties and samples between exits are common. */
const outcomesOf = (samples: number, exits: number): fc.Arbitrary<ExitOutcomes> => {
  const bits = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: samples, maxLength: samples });
  const entropies = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: samples, maxLength: samples });
  const exit = fc.record({ entropy: entropies, branchRight: bits });
  return fc.record({ fullRight: bits, list: fc.array(exit, { minLength: exits, maxLength: exits }) }).map((drawn) =>
    drawn.list.map(({ entropy, branchRight }) => ({
      entropy: Float64Array.from(entropy, (eighths) => eighths / 8),
      branchRight: Uint8Array.from(branchRight),
      fullRight: Uint8Array.from(drawn.fullRight),
    })),
  );
};
const some = (exits: number) => fc.integer({ min: 1, max: 24 }).chain((samples) => outcomesOf(samples, exits));

/** Accuracy and exits as Algorithm 3 says it, sample by sample, for every pair of thresholds that differ in effect. */
function everyPair([first, second]: ExitOutcomes): { accuracy: number; exitRatio: number }[] {
  const thresholds = Array.from({ length: 9 }, (_, i) => i / 8); // strictly below: 9 cases
  return thresholds.flatMap((a) =>
    thresholds.map((b) => {
      let [right, left] = [0, 0];
      for (let i = 0; i < first.entropy.length; i++) {
        const at = first.entropy[i] < a ? first : second.entropy[i] < b ? second : undefined;
        right += at ? at.branchRight[i] : first.fullRight[i];
        if (at) left++;
      }
      return { accuracy: right / first.entropy.length, exitRatio: left / first.entropy.length };
    }),
  );
}

/** Samples that leave with a wrong answer where the full branch is right. */
function harmful(exits: ExitOutcomes, taus: readonly number[]): number {
  return exits[0].fullRight.reduce((harm, fullRight, i) => {
    const at = exits.findIndex(({ entropy }, exit) => entropy[i] < taus[exit]);
    return harm + (at >= 0 && fullRight > exits[at].branchRight[i] ? 1 : 0);
  }, 0);
}

/** Later exits know more: easier samples leave early. */
function simulated(samples: number): ExitOutcomes {
  const next = random(1);
  const hard = Float64Array.from({ length: samples }, next);
  const fullRight = hard.map((h) => (next() < 1 - 0.02 * h ? 1 : 0));
  return [0.3, 0.15, 0.08].map((weak) => ({
    entropy: hard.map((h) => Math.min(1, h ** 8 * (0.8 + 0.4 * next()))),
    branchRight: Uint8Array.from(hard, (h) => (next() < 1 - weak * h ** 12 ? 1 : 0)),
    fullRight: Uint8Array.from(fullRight),
  }));
}

describe('several exits together', () => {
  it('let a sample leave at the first that is sure of it', () => {
    const fullRight = Uint8Array.of(0, 1, 1, 0);
    const exits: Outcomes[] = [
      { entropy: Float64Array.of(0.1, 0.5, 0.9, 0.9), branchRight: Uint8Array.of(1, 0, 0, 0), fullRight },
      { entropy: Float64Array.of(0.1, 0.1, 0.1, 0.9), branchRight: Uint8Array.of(0, 0, 1, 1), fullRight },
    ];
    expect(collaborativeExits(exits, [0.5, 0.5])).toEqual({ accuracy: 0.5, exitRatio: 0.75, exitRatios: [0.25, 0.5] });
    expect(collaborativeExits(exits, [0, 1])).toEqual({ accuracy: 0.5, exitRatio: 1, exitRatios: [0, 1] });
    expect(collaborativeExits(exits, [0, 0])).toEqual({ accuracy: 0.5, exitRatio: 0, exitRatios: [0, 0] });
  });

  it('of one exit are Algorithm 3 as it is', () => {
    fc.assert(
      fc.property(some(1), fc.integer({ min: 0, max: 8 }), ([only], eighths) => {
        expect(collaborativeExits([only], [eighths / 8])).toEqual(collaborative(only, eighths / 8));
      }),
    );
  });
});

describe('thresholds for two exits', () => {
  const hits = (exits: ExitOutcomes, accuracy: number) => Math.round(accuracy * exits[0].entropy.length);

  it('accuracy: never below any exit alone, never above what all pairs can', () => {
    fc.assert(
      fc.property(some(2), (exits) => {
        const { taus } = searchExits(exits, 'accuracy', {});
        const found = hits(exits, collaborativeExits(exits, taus).accuracy);
        for (const exit of exits) {
          const alone = tuneOneExit(repeated(exit), { objective: 'accuracy', folds: 2 }).collaborative.accuracy;
          expect(found).toBeGreaterThanOrEqual(hits(exits, alone));
        }
        expect(found).toBeLessThanOrEqual(hits(exits, Math.max(...everyPair(exits).map((pair) => pair.accuracy))));
      }),
    );
  });

  it('exits: no more accuracy lost than allowed, and at least as many exits as the last one has alone with its share', () => {
    fc.assert(
      fc.property(some(2), fc.constantFrom(0, 0.05, 0.2), (exits, epsilon) => {
        const { taus } = searchExits(exits, 'exits', { epsilon });
        const found = collaborativeExits(exits, taus);
        const full = collaborativeExits(exits, [0, 0]).accuracy;
        expect(found.accuracy).toBeGreaterThanOrEqual(full - epsilon - 1e-9);
        const last = searchExits([exits[1]], 'exits', { epsilon: epsilon / 2 });
        expect(found.exitRatio).toBeGreaterThanOrEqual(collaborativeExits([exits[1]], last.taus).exitRatio);
      }),
    );
  });

  it('risk: the harm on the samples keeps the budget, and every exit its share', () => {
    fc.assert(
      fc.property(some(2), fc.constantFrom(0.01, 0.2, 0.5), (exits, wanted) => {
        const { taus, epsilon = 0 } = searchExits(exits, 'risk', { epsilon: wanted });
        const samples = exits[0].entropy.length;
        expect(harmful(exits, taus) / samples).toBeLessThanOrEqual(epsilon);
        exits.forEach((exit, i) => {
          expect(harmful([exit], [taus[i]]) / samples).toBeLessThanOrEqual(epsilon / 2);
        });
      }),
    );
  });

  /** Twice the samples, for two folds of at least one each. */
  function repeated({ entropy, branchRight, fullRight }: Outcomes): Outcomes {
    return {
      entropy: Float64Array.from([...entropy, ...entropy]),
      branchRight: Uint8Array.from([...branchRight, ...branchRight]),
      fullRight: Uint8Array.from([...fullRight, ...fullRight]),
    };
  }
});

describe('tuning three exits', () => {
  const exits = simulated(3000);

  it.each([
    'risk',
    'accuracy',
    'exits',
  ] as const)('by %s gives plain data that its own measures bear out', (objective) => {
    const result = tuneExits(exits, { objective, folds: 3 });
    const taus = [result.tau, ...result.further!.map(({ tau }) => tau)];
    expect(result.collaborative).toEqual(collaborativeExits(exits, taus));
    expect(result.collaborative.exitRatios!.reduce((a, b) => a + b)).toBeCloseTo(result.collaborative.exitRatio, 12);
    expect(result.collaborative.exitRatio).toBeGreaterThan(0);
    expect(result.folds).toMatchObject({ count: 3, samples: 1000 });
    for (const { tau, curve } of [result, ...result.further!]) {
      const chosen = curve.find((point) => point.tau === tau);
      expect(chosen?.accuracy).toBe(result.collaborative.accuracy);
      expect(curve.every((point, i) => i === 0 || point.tau > curve[i - 1].tau)).toBe(true);
    }
    expect(tuneExits(exits, { objective, folds: 3 })).toEqual(result);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('shares the risk: epsilon is of all exits, and the note says where it had to grow', () => {
    const enough = tuneExits(exits, { epsilon: 0.01 });
    expect(enough.epsilon).toBeCloseTo(0.01, 12);
    expect(enough.note).toBeUndefined();
    expect(harmful(exits, [enough.tau, ...enough.further!.map(({ tau }) => tau)]) / 3000).toBeLessThanOrEqual(0.01);
    expect(tuneExits(exits).note).toMatch(/^each of 3 exits has its share: epsilon is .* found 3000$/);
  });

  it('leaves one exit to the search for one', () => {
    expect(tuneExits([exits[0]], { seed: 2 })).toEqual(tuneOneExit(exits[0], { seed: 2 }));
  });

  it('names what it knows where the method or the objective are for one exit', () => {
    expect(() => tuneExits(exits, { method: 'algorithm-2' })).toThrow('expected method exact for several exits');
    expect(() => tuneExits(exits, { objective: 'latency', deviceMs: 1, edgeMs: 2 })).toThrow(
      'expected an objective of risk, exits, accuracy for 3 exits, found latency',
    );
    expect(() => tuneExits(exits, { epsilon: 2 })).toThrow(UserError);
  });
});
