import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createNetwork } from '../../network/zoo/index.js';
import { connectionProfile } from '../../plan/connections.js';
import { type ExitChoice, planEdgent } from './edgent.js';
import { bestPartition, deviceFirst, edgeFirst, type PartitionCircumstances } from './partition-costs.js';
import { chainOf, segmentsOf } from './segments.js';

const SEGMENTS = segmentsOf(chainOf(createNetwork('lenet', [28, 28, 1], 10)));
const times = fc.array(
  fc.record({
    deviceMs: fc.double({ min: 0, max: 500, noNaN: true }),
    edgeMs: fc.double({ min: 0, max: 50, noNaN: true }),
  }),
  {
    minLength: SEGMENTS.length,
    maxLength: SEGMENTS.length,
  },
);
const circumstances = (name: string): PartitionCircumstances => ({
  network: connectionProfile(name),
  requestMs: 2,
  powers: { computeMw: 1000, radioMw: 500 },
});

it('prices what the paper of Neurosurgeon prices, by hand', () => {
  const even = SEGMENTS.map(() => ({ deviceMs: 10, edgeMs: 1 }));
  const partitions = deviceFirst(SEGMENTS, even, circumstances('4g'));
  // 784 bytes at 1.35 Mbit/s.
  expect(partitions[0].latencyMs).toBeCloseTo(165 + 2 + 4 + (8 * 784) / 1350, 9);
  // After conv1: 12x12x20 floats.
  expect(partitions[1].latencyMs).toBeCloseTo(10 + 165 + 2 + 3 + (8 * 4 * 2880) / 1350, 9);
  expect(partitions[4]).toEqual({ cut: 4, latencyMs: 40, energyMj: 40 });
  expect(partitions[0].energyMj).toBeCloseTo(partitions[0].latencyMs / 2, 9);
});

it('prices what the paper of Edgent prices, by hand', () => {
  const even = SEGMENTS.map(() => ({ deviceMs: 10, edgeMs: 1 }));
  const partitions = edgeFirst(SEGMENTS, even, circumstances('4g'));
  expect(partitions[0]).toEqual({ cut: 0, latencyMs: 40, energyMj: 40 });
  // Send the image up, 500 floats down at 8.1 Mbit/s, fc2 on the device.
  const moved = (8 * 784) / 1350 + (8 * 4 * 500) / 8100;
  expect(partitions[3].latencyMs).toBeCloseTo(165 + 2 + 3 + moved + 10, 9);
});

it('chooses a partition that no other is better than', () => {
  fc.assert(
    fc.property(
      times,
      fc.constantFrom('3g', '4g', '5g', 'wifi'),
      fc.constantFrom('latency' as const, 'energy' as const),
      (of, name, objective) => {
        const partitions = deviceFirst(SEGMENTS, of, circumstances(name));
        const best = bestPartition(partitions, objective);
        const cost = objective === 'latency' ? 'latencyMs' : 'energyMj';
        expect(Math.min(...partitions.map((partition) => partition[cost]))).toBe(best[cost]);
      },
    ),
  );
});

it('takes the most accurate exit within the limit, and the fastest where none is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ of: times, accuracy: fc.double({ min: 0, max: 1, noNaN: true }) }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.integer({ min: 1, max: 2000 }),
      (exits, limitMs) => {
        const choices = exits.map(
          ({ of, accuracy }, i): ExitChoice => ({ exit: i + 1, segments: SEGMENTS, times: of, accuracy }),
        );
        const chosen = planEdgent(choices, circumstances('4g'), limitMs);
        const fastest = choices.map((choice) => ({
          choice,
          ms: bestPartition(edgeFirst(SEGMENTS, choice.times, circumstances('4g')), 'latency').latencyMs,
        }));
        const within = fastest.filter(({ ms }) => ms <= limitMs);
        if (within.length === 0) expect(chosen.partition.latencyMs).toBe(Math.min(...fastest.map(({ ms }) => ms)));
        else {
          expect(chosen.partition.latencyMs).toBeLessThanOrEqual(limitMs);
          expect(chosen.choice.accuracy).toBe(Math.max(...within.map(({ choice }) => choice.accuracy)));
        }
      },
    ),
  );
});
