import sharp from 'sharp';
import { expect, test } from 'vitest';
import { UserError } from '../base/errors.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { HEIGHT, percentRange, toPng, WIDTH } from './chart.js';
import { type Report, reportHtml } from './report-html.js';
import { type TauChartData, tauChart } from './tau-chart.js';
import { trainingChart } from './training-chart.js';

const tuned: NonNullable<Report['tuned']> = {
  tau: 0.0274,
  method: 'exact',
  objective: 'risk',
  samples: 5000,
  full: { accuracy: 0.9934 },
  branch: { accuracy: 0.9883 },
  collaborative: { accuracy: 0.9936, exitRatio: 0.932 },
  epsilon: 0.001,
  folds: { count: 5, samples: 1000, epsilon: 0.003, tau: { mean: 0.025, std: 0.0151 } },
  curve: Array.from({ length: 100 }, (_, i) => ({
    tau: (i / 99) ** 4,
    accuracy: 0.9934 - 0.005 * (i / 99) ** 6,
    exitRatio: i / 99,
  })),
};

const epochs: EpochMetrics[] = Array.from({ length: 12 }, (_, i) => ({
  epoch: i + 1,
  lr: 0.002,
  imagesPerSecond: 1000,
  trainFullAccuracy: 0.99,
  trainBranchAccuracy: 0.98,
  fullLoss: 0.4 * 0.7 ** i,
  branchLoss: 0.6 * 0.8 ** i,
  fullAccuracy: 0.9934 - 0.03 * 0.6 ** i,
  branchAccuracy: 0.9883 - 0.09 * 0.7 ** i,
}));

/** Texts of an SVG in order. sharp parses it as XML, and rejects it if it isn't well-formed. */
async function texts(svg: string): Promise<string[]> {
  expect((await sharp(Buffer.from(svg)).metadata()).format).toBe('svg');
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
}

/** The lines of one colour in a chart: each path as a list of points. */
function lines(svg: string, color: string): number[][][] {
  const paths = [...svg.matchAll(/<path d="(M[^"]*)"[^>]*stroke="([^"]*)"/g)].filter((match) => match[2] === color);
  return paths.map(([, path]) =>
    path
      .split(/[ML]/)
      .slice(1)
      .map((point) => point.trim().split(/[ ,]/).map(Number)),
  );
}

test('the sharp of this project refuses SVG that is not well-formed', async () => {
  await expect(
    texts('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>a & b</text></svg>'),
  ).rejects.toThrow();
});

test.each([
  'light',
  'dark',
] as const)('the tau chart names its lines, axes and the chosen threshold: %s', async (theme) => {
  const found = await texts(tauChart(tuned, theme));
  for (const text of [
    'both together',
    'full branch 99.34 %',
    'binary branch 98.83 %',
    'exit ratio (right)',
    'accuracy (%)',
    'exit ratio (%)',
    'threshold τ on the normalised entropy (log scale)',
    'τ = 0.0274: 99.36 % right, 93.2 % exit',
    '0.01',
    '0.1',
    '1',
  ]) {
    expect(found).toContain(text);
  }
});

test('the chosen threshold stands at its place on the log axis, not at a rounded one', () => {
  const [chosen] = lines(tauChart(tuned), '#111111');
  const [axis] = lines(tauChart(tuned), '#00805f').filter((line) => line[0][1] > 60);
  const [left, right] = [axis[0][0], axis[1][0]];
  // The axis begins at 0.001: log10(0.0274) is 1.438 of its 3 decades from the left.
  expect((chosen[0][0] - left) / (right - left)).toBeCloseTo(1.438 / 3, 2);
});

test.each<[string, Partial<TauChartData>]>([
  ['nothing exits', { tau: 0, collaborative: { accuracy: 0.9934, exitRatio: 0 } }],
  ['everything exits', { tau: 1, collaborative: { accuracy: 0.9883, exitRatio: 1 } }],
  ['a threshold far below the axis', { tau: 1e-12 }],
  ['one point', { curve: [{ tau: 0, accuracy: 1, exitRatio: 0 }], full: { accuracy: 1 }, branch: { accuracy: 1 } }],
  [
    'no accuracy at all',
    { curve: [{ tau: 0, accuracy: 0, exitRatio: 0 }], full: { accuracy: 0 }, branch: { accuracy: 0 } },
  ],
])('the tau chart draws the extremes: %s', async (_, changed) => {
  const found = await texts(tauChart({ ...tuned, ...changed }));
  expect(found.filter((text) => text.startsWith('τ = '))).toHaveLength(1);
});

test('the training chart shows both branches, losses and accuracies', async () => {
  const svg = trainingChart(epochs);
  const found = await texts(svg);
  for (const text of ['training loss', 'validation accuracy (%)', 'epoch', 'full branch 99.33 %', '1', '12']) {
    expect(found).toContain(text);
  }
  // Two curves of 12 points for each branch; the legend's line has 2 points.
  for (const color of ['#00805f', '#c75200'])
    expect(lines(svg, color).filter((line) => line.length === 12)).toHaveLength(2);
});

test('the training chart copes with one epoch, many, and values that are no numbers', async () => {
  expect(await texts(trainingChart(epochs.slice(0, 1)))).toContain('1');
  const many = Array.from({ length: 300 }, (_, i) => ({ ...epochs[i % 12], epoch: i + 1 }));
  expect((await texts(trainingChart(many))).length).toBeLessThan(100);
  await texts(trainingChart([...epochs, { ...epochs[0], epoch: 13, fullLoss: Number.NaN, branchLoss: Number.NaN }]));
  expect(() => trainingChart([])).toThrow(UserError);
});

test('the same data give the same drawing, and drawings share no id', () => {
  expect(tauChart(tuned)).toBe(tauChart(tuned));
  const ids = [tauChart(tuned), tauChart(tuned, 'dark'), trainingChart(epochs)].flatMap((svg) =>
    [...svg.matchAll(/ id="([^"]*)"/g)].map((match) => match[1]),
  );
  expect(ids.length).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a PNG has twice the pixels of its chart', async () => {
  const { format, width, height } = await sharp(await toPng(tauChart(tuned))).metadata();
  expect({ format, width, height }).toEqual({ format: 'png', width: 2 * WIDTH, height: 2 * HEIGHT });
});

test('axis limits in percent hold the values closely, on round steps', () => {
  expect(percentRange([0.9883, 0.9934, 0.9936])).toEqual({ min: 98.8, max: 99.4, interval: expect.closeTo(0.2) });
  expect(percentRange([0.4532, 0.9784])).toEqual({ min: 40, max: 100, interval: 20 });
  for (const share of [0, 0.5, 1]) {
    const { min, max, interval } = percentRange([share]);
    expect(min).toBeLessThanOrEqual(100 * share);
    expect(max).toBeGreaterThanOrEqual(100 * share);
    expect(max - min).toBeGreaterThanOrEqual(interval);
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThanOrEqual(100);
  }
});

const hostile = `<script>alert("1")</script> & 'x' <img src=x onerror=alert(1)>`;

test('the report shows accuracies, threshold, charts and the whole configuration', () => {
  const config = { network: 'lenet', optimizer: { name: 'adam', lr: 0.003 }, classes: [1, 2], resume: null };
  const html = reportHtml({
    title: 'lenet on mnist',
    kind: 'binary branch',
    config,
    epochs,
    tuned,
    test: { ...tuned, samples: 10000 },
  });
  expect(html).toContain('<h1>lenet on mnist</h1>');
  expect(html).toContain('<tr><th>test</th><td class="number">10000</td><td class="number">99.34 %</td>');
  expect(html).toContain(
    'τ = 0.0274 (method exact, objective risk, epsilon 0.10 %; 0.025 ± 0.0151 over 5 folds of 1000 images, which can prove only epsilon 0.30 %).',
  );
  expect(html).toContain('<tr><th>optimizer.lr</th><td>0.003</td></tr>');
  expect(html).toContain('<tr><th>classes</th><td>[1,2]</td></tr>');
  expect(html).toContain('<tr><th>resume</th><td>null</td></tr>');
  expect(html.match(/<svg /g)).toHaveLength(4);
  expect(html).not.toMatch(/<script|<link|src=|@import|url\((?!#)/);
});

test('the report of a run that has only a configuration', () => {
  const html = reportHtml({ title: 'new', kind: 'binary branch', config: { seed: 1 }, epochs: [] });
  expect(html).toContain('Not tuned or evaluated yet.');
  expect(html).not.toContain('<svg');
});

test('hostile strings are shown, not run', () => {
  const html = reportHtml({
    title: hostile,
    kind: 'binary branch',
    config: { [hostile]: hostile, list: [hostile] },
    epochs: [],
    tuned: { ...tuned, method: hostile, objective: hostile, note: hostile },
  });
  expect(html).not.toMatch(/<script|<img/);
  expect(html).toContain(
    '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; &lt;img src=x onerror=alert(1)&gt;',
  );
});

test('several exits: a line for every branch, a chart for every threshold, exits of each', async () => {
  const rows = epochs.map((row) => ({
    ...row,
    further: [{ branchLoss: row.branchLoss / 2, trainBranchAccuracy: 0.9, branchAccuracy: 0.99 }],
  }));
  const svg = trainingChart(rows);
  expect(await texts(svg)).toEqual(expect.arrayContaining(['binary branch 2 99.00 %']));
  expect(lines(svg, '#c75200').filter((line) => line.length === 12)).toHaveLength(4);

  const { tau: _, folds, curve } = tuned;
  const several = {
    ...tuned,
    collaborative: { ...tuned.collaborative, exitRatios: [0.5, 0.432] },
    further: [{ tau: 0.2, branch: { accuracy: 0.99 }, folds: { tau: folds.tau }, curve }],
  };
  const html = reportHtml({ title: 'exits', kind: 'float exit', config: {}, epochs: rows, tuned: several });
  expect(html).toContain('τ = 0.0274, 0.2 (method exact');
  expect(html).toContain('98.83 %, 99.00 %</td>');
  expect(html).toContain('float exit</th>');
  expect(html).not.toContain('binary branch');
  expect(html).toContain('93.20 % (50.00 %, 43.20 %)</td>');
  expect(html).toContain('against the threshold τ of exit 2, validation split');
  expect(html.match(/<svg /g)).toHaveLength(6);
});
