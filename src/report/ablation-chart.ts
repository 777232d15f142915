import { percent } from '../base/format.js';
import { type AblationRow, isTrainedRow, type TrainedRow } from '../run/ablation.js';
import { axis, frame, PALETTES, renderSvg, rounded, roundInterval, type Theme } from './chart.js';

/** Heights of a row and of the space above and below the rows, and the width for the values at the right, in pixels. */
const ROW = 26;
const TOP = 60;
const BOTTOM = 62;
const VALUE = 62;
/** Estimated width of a letter in pixels: text can't be measured here. */
const LETTER = 7.5;

/**
 * The effect of each change of an ablation on the validation accuracy, in percentage points relative to the base: a bar
 * for the binary branch, a dot for the full one, and both as numbers.
 *
 * @param rows the base first
 * @returns SVG
 */
export function ablationChart(rows: readonly AblationRow[], theme: Theme = 'light'): string {
  const palette = PALETTES[theme];
  const [base, ...variants] = rows;
  const branch = variants.map((row) => points(row, base, 'branchAccuracy'));
  const full = variants.map((row) => points(row, base, 'fullAccuracy'));
  const name = { branch: 'binary branch', full: 'full branch' };
  if (isTrainedRow(base)) {
    name.branch += `, base ${percent(base.branchAccuracy)}`;
    name.full += `, base ${percent(base.fullAccuracy)}`;
  }
  const shared = frame(theme, [name.branch, name.full]);
  const labels = { color: palette.text, fontSize: 13, interval: 0 };
  const bare = { axisTick: { show: false }, axisLine: { show: false } };
  return renderSvg(
    `ablation-${theme}`,
    {
      ...shared,
      legend: { ...shared.legend, itemWidth: 14, itemStyle: { opacity: 1 } },
      grid: {
        left: 28 + LETTER * Math.max(4, ...variants.map((row) => row.name.length)),
        right: 28 + 2 * VALUE,
        top: TOP,
        bottom: BOTTOM,
        outerBoundsMode: 'none',
      },
      xAxis: {
        type: 'value',
        ...rangeWithZero([...branch, ...full].filter((value) => value !== undefined)),
        ...axis(theme, 'validation accuracy against the base (points)', 32, (value) => signed(value)),
      },
      yAxis: [
        { type: 'category', inverse: true, data: variants.map((row) => row.name), ...bare, axisLabel: labels },
        {
          type: 'category',
          inverse: true,
          data: variants.map((_, i) => valueLabel(branch[i], full[i])),
          ...bare,
          axisLabel: {
            ...labels,
            rich: {
              branch: { color: palette.branch, fontSize: 13, width: VALUE, align: 'right' },
              full: { color: palette.full, fontSize: 13, width: VALUE, align: 'right' },
            },
          },
        },
      ],
      series: [
        {
          name: name.branch,
          type: 'bar',
          silent: true,
          barWidth: 13,
          data: branch.map((value) => value ?? '-'),
          itemStyle: { color: palette.branch },
          markLine: {
            symbol: 'none',
            data: [{ xAxis: 0 }],
            label: { show: false },
            lineStyle: { color: palette.chosen, width: 1.5, type: 'solid' },
          },
        },
        {
          name: name.full,
          type: 'scatter',
          silent: true,
          symbolSize: 9,
          data: full.map((value) => value ?? '-'),
          itemStyle: { color: palette.full, borderColor: palette.background, borderWidth: 1.5, opacity: 1 },
          z: 5,
        },
      ],
    },
    TOP + BOTTOM + ROW * Math.max(1, variants.length),
  );
}

/** 1.5 as "+1.5", -0.25 as "−0.25"; with a fixed number of digits if given. */
export function signed(value: number, digits?: number): string {
  const text = digits === undefined ? String(rounded(Math.abs(value))) : Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** Undefined if either has no result. */
export function points(
  row: AblationRow,
  base: AblationRow,
  of: keyof Pick<TrainedRow, 'branchAccuracy' | 'fullAccuracy'>,
): number | undefined {
  return isTrainedRow(row) && isTrainedRow(base) ? 100 * (row[of] - base[of]) : undefined;
}

function valueLabel(branch: number | undefined, full: number | undefined): string {
  if (branch === undefined || full === undefined) return '{branch|diverged}';
  return `{branch|${signed(branch, 2)}}{full|${signed(full, 2)}}`;
}

/** Limits and step of an axis that includes the values and 0, on round numbers. */
function rangeWithZero(values: readonly number[]): { min: number; max: number; interval: number } {
  const lowest = Math.min(0, ...values);
  const highest = Math.max(0, ...values);
  const interval = roundInterval(Math.max(highest - lowest, 0.1));
  return {
    min: rounded(Math.floor(lowest / interval - 0.15) * interval),
    max: rounded(Math.ceil(highest / interval + 0.15) * interval),
    interval,
  };
}
