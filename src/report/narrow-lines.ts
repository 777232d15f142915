import { axis, PALETTES, renderSvg, type Theme } from './chart.js';
import { colorOf, compactNumber, edges, NARROW, narrowFrame, powersAround, topFor } from './narrow-chart.js';

/**
 * Lines over 1, 2, 3... on a logarithmic axis.
 *
 * @returns SVG
 */
export function growthChart(
  {
    id,
    xName,
    yName,
    series,
  }: {
    id: string;
    xName: string;
    yName: string;
    series: readonly { readonly name: string; readonly values: readonly number[] }[];
  },
  theme: Theme,
): string {
  const names = series.map(({ name }) => name);
  const top = topFor(names);
  return renderSvg(
    `${id}-${theme}`,
    {
      ...narrowFrame(theme, names),
      grid: { left: 62, right: 16, ...edges(top) },
      xAxis: {
        type: 'value',
        min: 0,
        max: 'dataMax',
        splitNumber: 4,
        ...axis(theme, xName, 28),
        splitLine: { show: false },
      },
      yAxis: {
        type: 'log',
        ...powersAround(series.flatMap(({ values }) => values)),
        ...axis(theme, yName, 44, compactNumber),
      },
      series: series.map(({ name, values }, i) => ({
        name,
        type: 'line' as const,
        silent: true,
        symbol: values.length === 1 ? 'circle' : 'none',
        data: values.map((value, at) => [at + 1, value]),
        lineStyle: { color: colorOf(i), width: 2 },
        itemStyle: { color: colorOf(i) },
      })),
    },
    300,
    NARROW,
  );
}

/**
 * Accuracy (left axis) and exit ratio (right axis) against a threshold, which is marked; all in [0, 1].
 *
 * @returns SVG
 */
export function thresholdChart(
  {
    id,
    tau,
    points,
  }: {
    id: string;
    tau: number;
    points: readonly { readonly tau: number; readonly accuracy: number; readonly exitRatio: number }[];
  },
  theme: Theme,
): string {
  const { both, exits, chosen } = PALETTES[theme];
  const names = ['accuracy', 'exits (right)'];
  const top = topFor(names);
  const from = leastShown(
    tau,
    points.map((point) => point.tau),
  );
  const shown = points.filter((point) => point.tau >= from);
  const line = { type: 'line' as const, silent: true, symbol: 'none' };
  return renderSvg(
    `${id}-${theme}`,
    {
      ...narrowFrame(theme, names),
      grid: { left: 62, right: 52, ...edges(top) },
      xAxis: {
        type: 'log',
        min: from,
        max: 1,
        ...axis(theme, 'threshold τ (log scale)', 28),
        splitLine: { show: false },
      },
      yAxis: [
        { type: 'value', scale: true, splitNumber: 4, ...axis(theme, 'accuracy (%)', 44) },
        { type: 'value', min: 0, max: 100, ...axis(theme, 'exits (%)', 36), splitLine: { show: false } },
      ],
      series: [
        {
          ...line,
          name: names[0],
          data: shown.map((point) => [point.tau, 100 * point.accuracy]),
          lineStyle: { color: both, width: 2.5 },
          itemStyle: { color: both },
          markLine: {
            symbol: 'none',
            precision: 15, // the default rounds the position to two digits
            data: [{ xAxis: Math.max(from, tau) }],
            label: { show: false },
            lineStyle: { color: chosen, width: 1.5, type: 'solid' },
          },
        },
        {
          ...line,
          name: names[1],
          yAxisIndex: 1,
          data: shown.map((point) => [point.tau, 100 * point.exitRatio]),
          lineStyle: { color: exits, width: 1.5 },
          itemStyle: { color: exits },
          areaStyle: { color: exits, opacity: 0.14 },
        },
      ],
    },
    300,
    NARROW,
  );
}

/** Left end of a threshold's axis: a power of ten at or below the chosen threshold, if there is something to show. */
function leastShown(tau: number, taus: readonly number[]): number {
  const least = Math.min(...taus.filter((one) => one > 0), 0.1);
  const left = tau > 0 ? Math.max(least, tau / 100) : least;
  return 10 ** Math.min(-1, Math.max(-6, Math.floor(Math.log10(left))));
}
