import fc from 'fast-check';
import { expect, test } from 'vitest';
import { random } from '../base/random.js';
import { binStart, countSent, ENTROPY_BINS, emptyUseCounts, entropyBin, proposeTau, type UseCounts } from './in-use.js';

/** Disagreement with the full network at an entropy. */
type Disagreement = (entropy: number) => number;

/** A population of entropies u⁴, u uniform: most images are sure. Sure ones are audited at a rate. */
function use(tau: number, images: number, disagreement: Disagreement, audit = 0, seed = 1): UseCounts {
  const counts = emptyUseCounts(tau);
  const next = random(seed);
  for (let i = 0; i < images; i++) {
    const entropy = next() ** 4;
    const agreed = next() >= disagreement(entropy);
    if (entropy >= tau || next() < audit) countSent(counts, entropy, agreed);
    else counts.exits++;
  }
  return counts;
}

/** Share of the population that has entropies in [from, to) and disagrees, by the middle of 10,000 slices. */
function shareBetween(from: number, to: number, disagreement: Disagreement): number {
  const slices = 10_000;
  let share = 0;
  for (let i = 0; i < slices; i++) {
    const entropy = ((i + 0.5) / slices) ** 4;
    if (entropy >= from && entropy < to) share += disagreement(entropy) / slices;
  }
  return share;
}

test('a bin begins at the first entropy that is counted in it', () => {
  for (let bin = 0; bin < ENTROPY_BINS; bin++) expect(entropyBin(binStart(bin))).toBe(bin);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (entropy) => {
      const bin = entropyBin(entropy);
      expect(binStart(bin)).toBeLessThanOrEqual(entropy);
      if (bin + 1 < ENTROPY_BINS) expect(binStart(bin + 1)).toBeGreaterThan(entropy);
    }),
  );
});

test('raises tau as far as disagreement allows, and breaks epsilon in at most a share delta of runs', () => {
  const disagreement = (entropy: number) => entropy / 5;
  const [tau, epsilon, delta] = [0.01, 0.005, 0.1];
  let broken = 0;
  for (let seed = 0; seed < 200; seed++) {
    const proposal = proposeTau(use(tau, 4000, disagreement, 0, seed), { epsilon, delta });
    expect(proposal.tau).toBeGreaterThan(tau);
    expect(proposal.exitRatio).toBeGreaterThan(proposal.present.exitRatio);
    if (shareBetween(tau, proposal.tau, disagreement) > epsilon) broken++;
  }
  // P(Bin(200, 0.1) > 34) < 0.001.
  expect(broken).toBeLessThanOrEqual(34);
});

test('keeps tau where the images above it are wrong, and where there are too few', () => {
  // A handful may leave wrongly: no further than the next bins.
  expect(proposeTau(use(0.1, 10_000, () => 0.5)).tau).toBeLessThan(0.102);
  expect(proposeTau(use(binStart(200), 10_000, () => 1)).tau).toBe(binStart(200));
  const few = proposeTau(use(0.1, 500, () => 0));
  expect(few.tau).toBe(0.1);
  expect(few.reason).toMatch(/500 images are too few to prove anything: at least 2302 are needed/);
  expect(proposeTau(emptyUseCounts(0.1))).toMatchObject({ tau: 0.1, exitRatio: 0, disagreement: 0 });
});

test('without disagreement everything may leave', () => {
  expect(proposeTau(use(0.1, 10_000, () => 0))).toMatchObject({ tau: 1, exitRatio: 1, disagreement: 0 });
});

test('audits that prove too much disagreement lower tau, and only those', () => {
  const drifted = (entropy: number) => (entropy > 0.01 ? 0.3 : 0);
  const lowered = proposeTau(use(0.1, 40_000, drifted, 0.05), { epsilon: 0.005 });
  expect(lowered.tau).toBeLessThan(0.1);
  expect(lowered.tau).toBeGreaterThan(0.005);
  expect(lowered.reason).toMatch(/more than 0.50 % of all/);
  // The estimate of what leaves wrongly at the present tau.
  expect(lowered.present.disagreement).toBeCloseTo(shareBetween(0, 0.1, drifted), 2);

  const good = (entropy: number) => entropy / 100;
  let falsely = 0;
  for (let seed = 0; seed < 50; seed++) {
    if (proposeTau(use(0.1, 4000, good, 0.05, seed), { epsilon: 0.005 }).tau < 0.1) falsely++;
  }
  expect(falsely).toBe(0);
});

test('the curve never falls, and holds the present tau', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer(),
      (tau, images, audit, seed) => {
        const { curve, present, evidence } = proposeTau(use(tau, images, (entropy) => entropy, audit, seed));
        expect(evidence.images).toBe(images);
        expect(curve).toContainEqual(present);
        for (let i = 1; i < curve.length; i++) {
          expect(curve[i].tau).toBeGreaterThan(curve[i - 1].tau);
          expect(curve[i].exitRatio).toBeGreaterThanOrEqual(curve[i - 1].exitRatio - 1e-9);
          expect(curve[i].disagreement).toBeGreaterThanOrEqual(curve[i - 1].disagreement - 1e-9);
        }
      },
    ),
  );
});
