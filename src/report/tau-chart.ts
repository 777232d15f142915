import type { BranchKind } from '../base/exits.js';
import { percent } from '../base/format.js';
import type { Tuned } from '../run/results.js';
import { axis, frame, PALETTES, percentRange, renderSvg, type Theme } from './chart.js';

/** The parts of a run's tau.json that the chart needs; the curve is sorted by τ, from 0. */
export type TauChartData = Pick<Tuned, 'tau' | 'full' | 'branch' | 'collaborative' | 'curve'>;

const BOTH = 'both together';
const EXITS = 'exit ratio (right)';

/**
 * Accuracy and exit ratio against τ (the paper's Fig. 14); the chosen τ is marked.
 *
 * @returns SVG
 */
export function tauChart(data: TauChartData, theme: Theme = 'light', kind: BranchKind = 'binary branch'): string {
  const palette = PALETTES[theme];
  const from = leftEnd(data);
  const visible = clipped(data.curve, from);
  const full = `full branch ${percent(data.full.accuracy)}`;
  const branch = `${kind} ${percent(data.branch.accuracy)}`;
  const level = (name: string, share: number, color: string) => ({
    name,
    type: 'line' as const,
    silent: true,
    data: [from, 1].map((tau) => [tau, 100 * share]),
    symbol: 'none',
    lineStyle: { color, width: 1.5, type: 'dashed' as const },
    itemStyle: { color },
  });
  const accuracies = [...visible.map((point) => point.accuracy), data.full.accuracy, data.branch.accuracy];
  return renderSvg(`tau-${theme}`, {
    ...frame(theme, [BOTH, full, branch, EXITS]),
    xAxis: {
      type: 'log',
      min: from,
      max: 1,
      ...axis(theme, 'threshold τ on the normalised entropy (log scale)', 32, (tau) =>
        String(Number(tau.toPrecision(1))),
      ),
    },
    yAxis: [
      { type: 'value', ...percentRange(accuracies), ...axis(theme, 'accuracy (%)', 52) },
      {
        type: 'value',
        min: 0,
        max: 100,
        ...axis(theme, 'exit ratio (%)', 48),
        splitLine: { show: false },
      },
    ],
    series: [
      {
        name: EXITS,
        type: 'line',
        silent: true,
        yAxisIndex: 1,
        data: visible.map((point) => [point.tau, 100 * point.exitRatio]),
        symbol: 'none',
        lineStyle: { color: palette.exits, width: 1.5 },
        itemStyle: { color: palette.exits },
        areaStyle: { color: palette.exits, opacity: 0.14 },
      },
      level(full, data.full.accuracy, palette.full),
      level(branch, data.branch.accuracy, palette.branch),
      {
        name: BOTH,
        type: 'line',
        silent: true,
        data: visible.map((point) => [point.tau, 100 * point.accuracy]),
        symbol: 'none',
        lineStyle: { color: palette.both, width: 2.5 },
        itemStyle: { color: palette.both },
        markLine: {
          symbol: 'none',
          precision: 15, // the default rounds the position to two digits
          data: [{ xAxis: Math.max(from, data.tau) }],
          lineStyle: { color: palette.chosen, width: 1.5, type: 'solid' },
          label: {
            formatter: chosenLabel(data),
            color: palette.chosen,
            fontSize: 13,
            align: labelAlign(data.tau, from),
          },
        },
      },
    ],
  });
}

/**
 * Left end of the axis: a power of ten from 1e-6 to 0.01, below the chosen τ and close to where samples begin to exit.
 * Useful thresholds are often near 0, where a linear axis would show nothing.
 */
function leftEnd({ tau, curve }: TauChartData): number {
  const fifthExits = curve.find((point) => point.exitRatio > 0.2)?.tau ?? 1;
  const left = tau > 0 ? Math.min(tau / 3, Math.max(fifthExits, tau / 100)) : fifthExits;
  return 10 ** Math.min(-2, Math.max(-6, Math.floor(Math.log10(left))));
}

/** The part of the curve from `from` up to τ = 1; between two points, the values of the lower one apply. */
function clipped(curve: TauChartData['curve'], from: number): TauChartData['curve'] {
  const inside = curve.filter((point) => point.tau > from);
  const before = curve.findLast((point) => point.tau <= from) ?? curve[0];
  const last = curve[curve.length - 1];
  return [{ ...before, tau: from }, ...inside, { ...last, tau: 1 }];
}

function chosenLabel({ tau, collaborative }: TauChartData): string {
  return `τ = ${Number(tau.toPrecision(3))}: ${percent(collaborative.accuracy)} right, ${percent(collaborative.exitRatio, 1)} exit`;
}

/** Keeps the label inside the chart if the line is near an end of the axis. */
function labelAlign(tau: number, from: number): 'left' | 'center' | 'right' {
  const place = 1 - Math.log(Math.max(from, tau)) / Math.log(from);
  if (place < 0.2) return 'left';
  return place > 0.8 ? 'right' : 'center';
}
