import type { EChartsOption } from 'echarts';
import { axis, frame, PALETTES, renderSvg, type Theme } from './chart.js';

/** Width of a chart on a phone. Wider screens show two or more in a row; 13-pixel letters are readable on both. */
export const NARROW = 380;
/** Heights of the space above and below the plot, and of a row of bars or dots, in pixels. */
const TOP = 14;
const LEGEND = 24;
const BOTTOM = 46;
const ROW = 24;
/** Estimated width of a letter in pixels. */
const LETTER = 7;
/** Legend entries per row. */
const PER_ROW = 4;

/** Colours after Okabe and Ito, which colour-blind readers can tell apart on light and dark pages. */
const COLORS = ['#d55e00', '#0a84c6', '#009e73', '#cc79a7', '#e69f00', '#8a8a8a'] as const;
export const colorOf = (i: number): string => COLORS[i % COLORS.length];

/** Formats a number on an axis. */
export function compactNumber(value: number): string {
  const [scale, unit] = value >= 1e6 ? [1e6, 'M'] : value >= 1e3 ? [1e3, 'k'] : [1, ''];
  return `${Number((value / scale).toPrecision(3))}${unit}`;
}

export interface Row {
  readonly label: string;
  /** The length of a bar, or of its parts. */
  readonly values: readonly number[];
  /** Text beside the bar. */
  readonly text: string;
}

/**
 * Horizontal bars from 0, one below the other; `parts` names the parts of stacked bars.
 *
 * @returns SVG
 */
export function barsChart(
  {
    id,
    xName,
    rows,
    parts = [],
    max,
  }: { id: string; xName: string; rows: readonly Row[]; parts?: readonly string[]; max?: number },
  theme: Theme,
): string {
  const { text, both } = PALETTES[theme];
  const top = topFor(parts);
  const count = Math.max(1, parts.length);
  return renderSvg(
    `${id}-${theme}`,
    {
      ...narrowFrame(theme, parts),
      grid: { left: labelWidth(rows), right: 14 + LETTER * longest(rows.map((row) => row.text)), ...edges(top) },
      xAxis: {
        type: 'value',
        min: 0,
        max,
        interval: max && max / 4,
        splitNumber: 3,
        ...axis(theme, xName, 28, compactNumber),
      },
      yAxis: labelAxis(
        theme,
        rows.map(({ label }) => label),
      ),
      series: Array.from({ length: count }, (_, part) => ({
        name: parts[part] ?? xName,
        type: 'bar' as const,
        silent: true,
        stack: 'all',
        barWidth: 14,
        data: rows.map(({ values }) => values[part]),
        itemStyle: { color: parts.length > 0 ? colorOf(part) : both },
        label: {
          show: part === count - 1,
          position: 'right' as const,
          color: text,
          formatter: ({ dataIndex }: { dataIndex: number }) => rows[dataIndex].text,
        },
      })),
    },
    top + BOTTOM + ROW * Math.max(1, rows.length),
    NARROW,
  );
}

/**
 * Dots in rows on a logarithmic axis, for values that differ by powers of ten.
 *
 * @returns SVG
 */
export function dotsChart(
  {
    id,
    xName,
    labels,
    series,
  }: {
    id: string;
    xName: string;
    labels: readonly string[];
    series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  },
  theme: Theme,
): string {
  const names = series.map(({ name }) => name);
  const top = topFor(names);
  return renderSvg(
    `${id}-${theme}`,
    {
      ...narrowFrame(theme, names),
      grid: { left: labelWidth(labels.map((label) => ({ label }))), right: 24, ...edges(top) },
      xAxis: {
        type: 'log',
        ...powersAround(series.flatMap(({ values }) => values)),
        ...axis(theme, xName, 28, compactNumber),
      },
      yAxis: { ...labelAxis(theme, labels), splitLine: { show: true, lineStyle: { color: PALETTES[theme].faint } } },
      series: series.map(({ name, values }, i) => ({
        name,
        type: 'scatter' as const,
        silent: true,
        symbolSize: 10,
        // A logarithmic axis can't show 0.
        data: values.map((value) => (value !== undefined && value > 0 ? value : '-')),
        itemStyle: { color: colorOf(i), opacity: 0.9 },
      })),
    },
    top + BOTTOM + ROW * Math.max(1, labels.length),
    NARROW,
  );
}

export function narrowFrame(theme: Theme, names: readonly string[]): EChartsOption {
  const shared = frame(theme, names);
  return {
    ...shared,
    legend: { ...shared.legend, show: names.length > 0, top: 4, itemGap: 12, itemWidth: 12, itemStyle: { opacity: 1 } },
  };
}

export const topFor = (names: readonly string[]): number => TOP + LEGEND * Math.ceil(names.length / PER_ROW);
export const edges = (top: number) => ({ top, bottom: BOTTOM, outerBoundsMode: 'none' as const });
const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));
const labelWidth = (rows: readonly { readonly label: string }[]): number =>
  14 + LETTER * longest(rows.map(({ label }) => label));

function labelAxis(theme: Theme, labels: readonly string[]) {
  return {
    type: 'category' as const,
    inverse: true,
    data: [...labels],
    axisTick: { show: false },
    axisLine: { show: false },
    axisLabel: { color: PALETTES[theme].text, fontSize: 13, interval: 0 },
  };
}

/** Limits of a logarithmic axis: the powers of ten around the values. */
export function powersAround(values: readonly (number | undefined)[]): { min: number; max: number } {
  const positive = values.filter((value): value is number => value !== undefined && value > 0);
  if (positive.length === 0) return { min: 1, max: 10 };
  const min = 10 ** Math.floor(Math.log10(Math.min(...positive)));
  return { min, max: Math.max(10 * min, 10 ** Math.ceil(Math.log10(Math.max(...positive)))) };
}
