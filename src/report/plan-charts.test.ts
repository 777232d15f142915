import { expect, it } from 'vitest';
import { designsChart, paretoChart, sizesChart } from './plan-charts.js';

const bar = { loadingMs: 400, deviceMs: 1, uplinkMs: 40, edgeMs: 2 };

it('shows every design with the sum of its parts, alike every time', () => {
  const bars = [
    { ...bar, label: 'conv1' },
    { ...bar, label: 'conv1,conv2', loadingMs: 4000 },
  ];
  const svg = designsChart(bars);
  for (const text of ['conv1,conv2', '443 ms', '4,043 ms', 'loading', 'uplink']) expect(svg).toContain(text);
  expect(designsChart(bars)).toBe(svg);
});

it('names the designs that no other beats, and only those', () => {
  const point = { downloadBytes: 1e5, expectedMs: 500, best: false, satisfies: true };
  const points = [
    { ...point, label: 'best', downloadBytes: 5e4, best: true },
    { ...point, label: 'inside' },
    { ...point, label: 'outside', expectedMs: 5000, satisfies: false },
  ];
  const svg = paretoChart(points, { bytes: 2e5, ms: 1000 });
  expect(svg).toContain('>best<');
  expect(svg).not.toContain('>inside<');
});

it('has a panel of accuracy where anything was trained', () => {
  const sizes = [0, 1].flatMap((conv) => [0, 1].map((fc) => ({ conv, fc, bytes: 1000 * (1 + conv + fc) })));
  expect(sizesChart(sizes)).not.toContain('accuracy of the branch');
  const trained = sizes.map((size, i) => (i === 0 ? { ...size, accuracy: 0.9 } : size));
  expect(sizesChart(trained)).toContain('accuracy of the branch');
});
