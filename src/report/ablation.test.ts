import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { AblationRow, TrainedRow } from '../run/ablation.js';
import { ablationChart, signed } from './ablation-chart.js';
import { ablationCells, ablationMarkdown } from './ablation-table.js';
import { WIDTH } from './chart.js';

const base: TrainedRow = {
  name: 'base',
  changes: {},
  seed: 1,
  epochs: 20,
  deviceBytes: 84_600,
  command: 'lcdnn train --epochs 20 --out x/base',
  branchAccuracy: 0.9,
  fullAccuracy: 0.915,
  branchLoss: 0.3,
  fullLoss: 0.2,
  seconds: 83.21,
  imagesPerSecond: 1234.5,
};
const better: TrainedRow = { ...base, name: 'better', changes: { distillation: 2 }, branchAccuracy: 0.9062 };
const worse: TrainedRow = { ...base, name: 'worse', changes: { flip: false, lr: 0.5 }, branchAccuracy: 0.8871 };
const { branchAccuracy, fullAccuracy, branchLoss, fullLoss, seconds, imagesPerSecond, ...described } = base;
const failed: AblationRow = { ...described, name: 'wild', changes: { lr: 9 }, failed: 'no number | epoch 1' };
const rows = [base, better, worse, failed];

/** Texts of an SVG, and the bars of the light theme with their lengths, negative to the left. */
async function drawn(svg: string) {
  const { format, width, height } = await sharp(Buffer.from(svg)).metadata();
  expect([format, width]).toEqual(['svg', WIDTH]);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
  const bars = [...svg.matchAll(/<path d="M([\d.]+) [\d.]+l(-?[\d.]+) 0l0 13l[^"]*Z" fill="#c75200"/g)].map(
    (match) => ({
      from: Number(match[1]),
      length: Number(match[2]),
    }),
  );
  return { texts, bars, height: height ?? 0 };
}

test.each(['light', 'dark'] as const)('the chart names variants, differences and levels: %s', async (theme) => {
  const { texts } = await drawn(ablationChart(rows, theme));
  for (const text of [
    'better',
    'worse',
    'wild',
    '+0.62',
    '−1.29',
    'diverged',
    'binary branch, base 90.00 %',
    'full branch, base 91.50 %',
    'validation accuracy against the base (points)',
  ]) {
    expect(texts).toContain(text);
  }
  expect(texts).not.toContain('base');
});

test('bars begin at zero and are as long as their differences', async () => {
  const { bars } = await drawn(ablationChart([base, better, worse]));
  const [up, down] = bars;
  expect(up.from).toBe(down.from);
  expect(down.length / up.length).toBeCloseTo(-1.29 / 0.62, 2);
});

test('the chart grows with its rows, and copes with none, equal ones and the longest names', async () => {
  const one = await drawn(ablationChart([base, { ...base, name: 'same' }]));
  expect(one.texts).toContain('0.00');
  const many = Array.from({ length: 40 }, (_, i) => ({ ...better, name: `${i}-${'w'.repeat(29)}` }));
  const high = await drawn(ablationChart([base, ...many]));
  expect(high.height).toBeGreaterThan(one.height + 39 * 20);
  expect(high.texts.filter((text) => text.endsWith('www'))).toHaveLength(40);
  await drawn(ablationChart([base]));
  await drawn(ablationChart([base, failed]));
});

test('the table gives differences in points, and says what diverged', () => {
  const [, first, second, third, fourth] = ablationCells(rows);
  expect(first).toEqual(['base', '', '90.00 %', '', '91.50 %', '84.6 KB', '83.2 s', '1235', '1', '20']);
  expect(second.slice(0, 4)).toEqual(['better', 'distillation 2', '90.62 %', '+0.62']);
  expect(third.slice(0, 4)).toEqual(['worse', 'flip off, lr 0.5', '88.71 %', '−1.29']);
  expect(fourth).toEqual(['wild', 'lr 9', 'diverged', '', '', '84.6 KB', '', '', '1', '20']);
});

test('the Markdown has a cell for each column, the reasons of failures and every command', () => {
  const piped = { ...better, changes: { branch: 'a|b' } };
  const text = ablationMarkdown({ title: 'Ablation: x', command: 'lcdnn ablate g.json', rows: [base, piped, failed] });
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line.replaceAll('\\|', '').split('|')).toHaveLength(12);
  expect(text).toContain('- wild: no number | epoch 1');
  expect(text).toContain('lcdnn ablate g.json\n');
  expect(text).toContain(base.command);
});

test('signed numbers', () => {
  expect([1.5, -0.25, 0, -1e-12].map((value) => signed(value, 2))).toEqual(['+1.50', '−0.25', '0.00', '0.00']);
  expect([0.1 + 0.2, -20].map((value) => signed(value))).toEqual(['+0.3', '−20']);
});
