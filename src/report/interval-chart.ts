import type { CustomSeriesOption } from 'echarts';
import { axis, frame, PALETTES, renderSvg, type Theme } from './chart.js';

/** A line with the half width of an interval at each point. */
export interface IntervalSeries {
  readonly name: string;
  readonly points: readonly IntervalPoint[];
}

export interface IntervalPoint {
  readonly x: number;
  readonly mean: number;
  readonly half: number;
}

export interface IntervalLines {
  readonly id: string;
  readonly xName: string;
  readonly yName: string;
  /** Whether the axis is logarithmic, for values that differ by powers of ten. */
  readonly log?: boolean;
  readonly series: readonly IntervalSeries[];
}

/** Okabe and Ito's colours, in an order in which neighbours also differ in lightness. */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a8a8a', '#a6761d'];
const DASHES = ['solid', 'dashed', 'dotted'] as const;
/** Legend entries per row, and the height of a row. */
const PER_ROW = 5;
const ROW = 22;

/**
 * Lines with bars for their intervals, e.g. over seeds.
 *
 * @returns SVG
 */
export function intervalChart({ id, xName, yName, log, series }: IntervalLines, theme: Theme = 'light'): string {
  const lowest = leastPositive(series);
  const shown = series.map(({ name, points }, i) => ({
    name,
    color: COLORS[i % COLORS.length],
    dash: DASHES[Math.floor(i / COLORS.length) % DASHES.length],
    // A logarithmic axis can't show 0.
    points: points.filter(({ mean }) => !log || mean > 0),
  }));
  const shared = frame(
    theme,
    series.map(({ name }) => name),
  );
  const rows = Math.ceil(series.length / PER_ROW);
  return renderSvg(`${id}-${theme}`, {
    ...shared,
    legend: { ...shared.legend, itemGap: 24 },
    grid: { ...shared.grid, right: 28, top: 34 + ROW * rows },
    xAxis: { type: 'value', ...axis(theme, xName, 32), min: 'dataMin', max: 'dataMax' },
    yAxis: { type: log ? 'log' : 'value', ...axis(theme, yName, 56, shortNumber) },
    series: shown.flatMap(({ name, color, dash, points }, i) => [
      {
        name,
        // If lines coincide, draw the first one on top.
        z: 2 + shown.length - i,
        type: 'line' as const,
        silent: true,
        data: points.map(({ x, mean }) => [x, mean]),
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { color, width: 2, type: dash },
        itemStyle: { color },
      },
      intervals(points, color, log ? lowest / 2 : undefined),
    ]),
    color: [PALETTES[theme].text],
  });
}

/** "0.25", "1e-6". */
function shortNumber(value: number): string {
  const short = Number(value.toPrecision(3));
  return short !== 0 && Math.abs(short) < 1e-3 ? short.toExponential() : String(short);
}

/**
 * Vertical bars from the lower to the upper end of an interval.
 *
 * @param least smallest value that a logarithmic axis shows
 */
function intervals(points: readonly IntervalPoint[], color: string, least: number | undefined): CustomSeriesOption {
  return {
    type: 'custom',
    silent: true,
    data: points.map(({ x, mean, half }) => [x, Math.max(least ?? Number.NEGATIVE_INFINITY, mean - half), mean + half]),
    renderItem(_, api) {
      const [x, low] = api.coord([api.value(0), api.value(1)]);
      const [, high] = api.coord([api.value(0), api.value(2)]);
      return { type: 'line', shape: { x1: x, y1: low, x2: x, y2: high }, style: { stroke: color, lineWidth: 1.2 } };
    },
    encode: { x: 0, y: [1, 2] },
  };
}

function leastPositive(series: readonly IntervalSeries[]): number {
  const means = series.flatMap(({ points }) => points.map(({ mean }) => mean)).filter((mean) => mean > 0);
  return means.length > 0 ? Math.min(...means) : 1;
}
