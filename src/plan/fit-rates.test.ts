import { expect, it } from 'vitest';
import { random } from '../base/random.js';
import { fitRates } from './fit-rates.js';
import { LAYER_KINDS, type Rates, type Work, workMs } from './layer-times.js';

const next = random(7);
const between = (least: number, most: number): number => least * (most / least) ** next();
const RATES = Object.fromEntries(
  LAYER_KINDS.map((kind) => [
    kind,
    { layer: between(100, 5000), operation: kind === 'other' ? 0 : between(0.005, 0.5), value: between(0.1, 2) },
  ]),
) as unknown as Rates;
const work = (kind: Work['kind']): Work => ({
  kind,
  operations: kind === 'other' ? 0 : between(1e4, 1e8),
  values: between(10, 1e5),
});
const msOf = (works: readonly Work[]): number => works.reduce((sum, one) => sum + workMs(one, RATES), 0);
const sample = (works: Work[]) => ({ works, milliseconds: msOf(works) });

it('estimates times that rates made, of layers alone and together', () => {
  const alone = LAYER_KINDS.flatMap((kind) => Array.from({ length: 12 }, () => sample([work(kind)])));
  const together = Array.from({ length: 10 }, () => sample(LAYER_KINDS.map(work)));
  const found = fitRates([...alone, ...together]);
  for (const { works, milliseconds } of [...alone, ...together]) {
    const estimated = works.reduce((sum, one) => sum + workMs(one, found), 0);
    expect(Math.abs(estimated / milliseconds - 1)).toBeLessThan(0.05);
  }
});

it('stands in the middle of times that differ by chance', () => {
  const layer = work('conv2d');
  const times = [0.5, 1, 2];
  const found = fitRates(times.map((milliseconds) => ({ works: [layer], milliseconds })));
  expect(workMs(layer, found)).toBeCloseTo(1, 2);
});
