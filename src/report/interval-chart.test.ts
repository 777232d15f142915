import { expect, it } from 'vitest';
import { intervalChart } from './interval-chart.js';

const points = [
  { x: 1, mean: 0.5, half: 0.1 },
  { x: 2, mean: 0.05, half: 0.04 },
];

it('draws a line, its intervals and its name for each series, the same each time', () => {
  const chart = { id: 'spread', xName: 'iteration', yName: 'variance', series: [{ name: 'drlos', points }] };
  const svg = intervalChart(chart);
  for (const text of ['drlos', 'iteration', 'variance']) expect(svg).toContain(`>${text}</text>`);
  expect(svg).not.toContain('NaN');
  expect(intervalChart(chart)).toBe(svg);
  const without = intervalChart({
    ...chart,
    series: [{ name: 'drlos', points: points.map((one) => ({ ...one, half: 0 })) }],
  });
  expect(without).not.toBe(svg);
});

it('bears zeros and intervals below zero on a logarithmic axis', () => {
  const wide = [...points, { x: 3, mean: 0, half: 0 }, { x: 4, mean: 0.01, half: 1 }];
  const svg = intervalChart({ id: 'log', xName: 'x', yName: 'y', log: true, series: [{ name: 'a', points: wide }] });
  expect(svg).not.toMatch(/NaN|Infinity/);
});
