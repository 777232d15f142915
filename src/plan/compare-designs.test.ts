import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sum } from '../base/statistics.js';
import { parseBranch } from '../network/branch.js';
import { createNetwork } from '../network/zoo/index.js';
import { compareDesigns, type PlanRequest, selectWithin } from './compare-designs.js';
import { connectionProfile } from './connections.js';
import { attachmentsOf, type BuildNetwork, buildDesign } from './designs.js';
import { assumedRatios, exitDepths } from './exit-ratios.js';
import { MEASURED_RATES } from './measured-rates.js';
import { type Circumstances, priceDesign, ratioToMatch } from './price.js';

const build: BuildNetwork = ({ attach, branch }) =>
  createNetwork('alexnet', [32, 32, 3], 10, { attach, branch: parseBranch(branch) });
const design = buildDesign(build, { attach: 'conv1', branch: 'mirror' });
const anchor = { depth: exitDepths(design)[0], ratio: 0.8 };
const exitsOf: PlanRequest['exitsOf'] = (of) => ({ ratios: assumedRatios(of, anchor), from: 'assumed' });

function circumstances(custom: Parameters<typeof connectionProfile>[1] = {}, images = 1): Circumstances {
  const { device, edge, loadMs, callMs, requestMs, fixedBytes } = MEASURED_RATES;
  return {
    network: connectionProfile('4g', custom),
    images,
    uplinkBits: 32,
    device: { rates: device, loadMs, callMs, fixedBytes },
    edge: { rates: edge, requestMs },
  };
}

const question: PlanRequest = { design, build, exitsOf, circumstances: circumstances(), maxExits: 2 };
const answers = compareDesigns(question);

describe('a price', () => {
  const mbps = fc.double({ min: 0.1, max: 1000, noNaN: true });
  const attached = fc.constantFrom('conv1', 'conv3', 'conv1,conv2', 'conv1,conv4');

  it.each(['upMbps', 'downMbps'] as const)('falls as %s grows', (direction) => {
    fc.assert(
      fc.property(attached, mbps, mbps, (attach, a, b) => {
        const of = buildDesign(build, { attach, branch: 'mirror' });
        const [slow, fast] = [Math.min(a, b), Math.max(a, b)].map((rate) =>
          priceDesign(of, exitsOf(of), circumstances({ [direction]: rate })),
        );
        expect(fast.expectedMs).toBeLessThanOrEqual(slow.expectedMs + 1e-9);
        expect(fast.paper.milliseconds).toBeLessThanOrEqual(slow.paper.milliseconds + 1e-9);
        expect(fast.furtherMs).toBeLessThanOrEqual(slow.furtherMs + 1e-9);
      }),
      { numRuns: 20 },
    );
  });

  it('nears that of further images as a page has more of them', () => {
    const [one, ten, million] = [1, 10, 1e6].map((images) =>
      priceDesign(design, exitsOf(design), circumstances({}, images)),
    );
    expect(ten.expectedMs).toBeCloseTo(one.furtherMs + (one.expectedMs - one.furtherMs) / 10, 6);
    expect(million.expectedMs).toBeCloseTo(one.furtherMs, 0);
  });

  it('sends what the last shared part gives, in 32 bits or fewer', () => {
    const { uplinkBytes } = priceDesign(design, exitsOf(design), circumstances());
    const eight = priceDesign(design, exitsOf(design), { ...circumstances(), uplinkBits: 8 });
    expect(uplinkBytes - eight.uplinkBytes).toBe(3 * 8 * 8 * 64);
  });

  it('is the same by the paper and by total expectation for one branch, and not for two', () => {
    for (const { times, paper, expectedMs } of answers.places) {
      if (times.exits.length === 1) expect(paper.milliseconds).toBeCloseTo(expectedMs, 6);
      else expect(Math.abs(paper.milliseconds - expectedMs)).toBeGreaterThan(1);
    }
  });

  it('needs the exits it has to match itself', () => {
    expect(ratioToMatch(answers.design, answers.design, 1)).toBeCloseTo(0.8, 9);
  });
});

describe('assumed exits', () => {
  it('are the anchor at its place, more behind it, and for several exits those of the last', () => {
    const [conv1, conv4, both] = ['conv1', 'conv4', 'conv1,conv4'].map(
      (attach) => exitsOf(buildDesign(build, { attach, branch: 'mirror' })).ratios,
    );
    expect(conv1).toEqual([expect.closeTo(0.8)]);
    expect(conv4[0]).toBeGreaterThan(0.8);
    expect(both).toEqual([expect.closeTo(0.8), expect.closeTo(conv4[0] - 0.8)]);
  });

  it('are shares, wherever the anchor is', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, fc.constantFrom(...attachmentsOf(design.network)), (ratio, attach) => {
        const depth = exitDepths(buildDesign(build, { attach, branch: 'mirror' }))[0];
        const ratios = assumedRatios(buildDesign(build, { attach: 'conv1,conv3,fc1', branch: 'mirror' }), {
          depth,
          ratio,
        });
        expect(Math.min(...ratios)).toBeGreaterThanOrEqual(0);
        expect(sum(ratios)).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });
});

describe('answers', () => {
  it('has every place once for one branch, and every pair', () => {
    const places = attachmentsOf(design.network);
    expect(places).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc1', 'fc2']);
    expect(answers.places).toHaveLength(7 + (7 * 6) / 2);
    expect(new Set(answers.places.map(({ attach }) => attach)).size).toBe(28);
  });

  it('puts one branch behind conv1 first, as the paper does (3.4.1, 3.4.2)', () => {
    expect(answers.places[0].attach).toBe('conv1');
  });

  it("has Fig. 7's grid for AlexNet: 0 to 4 convolutions, 0 to 3 fully-connected layers, with the bytes of the network", () => {
    expect(answers.sizes.map(({ branch }) => branch)).toHaveLength(5 * 4);
    const mirror = answers.sizes.find(({ branch }) => branch === 'conv=4,fc=2')!;
    expect(mirror.cost.device).toEqual(design.cost.device);
  });
});

describe('chooseWithin', () => {
  it('says nothing without limits', () => {
    expect(selectWithin({}, question, answers)).toBeUndefined();
  });

  it('keeps the limits, and finds all that do', () => {
    const limits = { maxBytes: 1e6, maxLatencyMs: 1500 };
    const { candidates, within, front } = selectWithin(limits, question, answers)!;
    const keeps = candidates.filter(({ downloadBytes, expectedMs }) => downloadBytes <= 1e6 && expectedMs <= 1500);
    expect(within).toEqual(keeps);
    expect(within.length).toBeGreaterThan(0);
    expect(candidates.length).toBeGreaterThan(within.length);
    for (const one of within) {
      const beaten = within.some(
        (other) => other.downloadBytes < one.downloadBytes && other.expectedMs < one.expectedMs,
      );
      expect(front.includes(one)).toBe(!beaten);
    }
  });

  it('counts an accuracy that nobody has measured as none', () => {
    const known: PlanRequest = {
      ...question,
      exitsOf: (of) => ({
        ...exitsOf(of),
        accuracy: of.attach === 'conv2' && of.branch === 'mirror' ? 0.9 : undefined,
      }),
    };
    const { within } = selectWithin({ minAccuracy: 0.85 }, known, compareDesigns(known))!;
    expect(within.map(({ attach, branch }) => [attach, branch])).toEqual([['conv2', 'mirror']]);
  });
});
