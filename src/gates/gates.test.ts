import { describe, expect, it } from 'vitest';
import { accuracyDrop, pairedComparison } from '../evaluation/mcnemar.js';
import { checkGate } from './gate.js';
import { gatesJunit, gatesMarkdown } from './print-gates.js';

const measured = { name: 'accuracy of both', unit: 'share', value: 0.985, interval: [0.97, 0.99] } as const;

describe('a gate', () => {
  it('compares the value, or the worse end of its interval', () => {
    const lower = { ...measured, bound: 'min', limit: 0.98 } as const;
    expect([checkGate(lower).passed, checkGate({ ...lower, confident: true }).passed]).toEqual([true, false]);
    const upper = { ...measured, bound: 'max', limit: 0.985 } as const;
    expect([checkGate(upper).passed, checkGate({ ...upper, confident: true }).passed]).toEqual([true, false]);
  });

  it('without an interval compares the value, also if the interval is asked for', () => {
    const { interval: _, ...only } = measured;
    expect(checkGate({ ...only, bound: 'min', limit: 0.98, confident: true })).toMatchObject({
      passed: true,
      confident: false,
    });
  });
});

describe('reports of gates', () => {
  const gates = [
    checkGate({ ...measured, bound: 'min', limit: 0.99 }),
    checkGate({ name: 'download', unit: 'bytes', bound: 'max', limit: 1e5, value: 79_000 }),
  ];

  it('as JUnit count failures and escape what XML reserves', () => {
    const xml = gatesJunit('runs/"a" & <b>', gates);
    expect(xml).toContain('<testsuite name="runs/&quot;a&quot; &amp; &lt;b&gt;" tests="2" failures="1"');
    expect(xml).toContain('<failure message="expected min 99.00 %, found 98.50 %, 97.00 % to 99.00 %" type="gate">');
    expect(xml.match(/<testcase /g)).toHaveLength(2);
  });

  it('as Markdown are a table', () => {
    expect(gatesMarkdown('Bundle', gates).split('\n')).toEqual([
      '### Bundle',
      '',
      '| gate | limit | value | 95 % interval | result |',
      '| --- | --- | --- | --- | --- |',
      '| accuracy of both | min 99.00 % | 98.50 % | 97.00 % to 99.00 % | FAILED |',
      '| download | max 100.0 KB | 79.0 KB |  | passed |',
      '',
    ]);
  });
});

describe('the drop of accuracy', () => {
  const answers = (...runs: [right: number, count: number][]) =>
    Uint8Array.from(runs.flatMap(([right, count]) => Array<number>(count).fill(right)));

  it('is the difference of the accuracies, inside its interval', () => {
    const [first, second] = [answers([1, 90], [0, 10]), answers([1, 95], [0, 5])];
    const { value, interval } = accuracyDrop(pairedComparison(first, second));
    expect(value).toBeCloseTo(0.05, 12);
    expect(interval[0]).toBeLessThan(value);
    expect(interval[1]).toBeGreaterThan(value);
  });

  // Agresti and Min 2005 on paired differences: (b - c) / (n + 2) ± 1.96 sqrt(b + c + 1 - (b - c)² / (n + 2)) / (n + 2).
  it('has the interval of the formula', () => {
    const { interval } = accuracyDrop({ bothRight: 50, onlyFirst: 4, onlySecond: 9, bothWrong: 37, pValue: 1 });
    const half = (1.959964 * Math.sqrt(14 - 25 / 102)) / 102;
    expect(interval[0]).toBeCloseTo(5 / 102 - half, 6);
    expect(interval[1]).toBeCloseTo(5 / 102 + half, 6);
  });
});
