import { UserError } from '../base/errors.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { axis, frame, PALETTES, percent, percentRange, renderSvg, type Theme } from './chart.js';

const BRANCHES = [
  { name: 'full branch', loss: 'fullLoss', accuracy: 'fullAccuracy', color: 'full' },
  { name: 'binary branch', loss: 'branchLoss', accuracy: 'branchAccuracy', color: 'branch' },
] as const;

/** Beyond this ratio of the highest to the lowest loss a linear axis hides the later epochs. */
const LOG_FROM = 20;

/** Loss and validation accuracy of both branches against the epoch. @returns SVG. @throws UserError without an epoch. */
export function trainingChart(rows: readonly EpochMetrics[], theme: Theme = 'light'): string {
  if (rows.length === 0) throw new UserError('training chart: expected at least one epoch, found none; train first');
  const last = rows[rows.length - 1];
  const named = BRANCHES.map((branch) => ({ ...branch, name: `${branch.name} ${percent(last[branch.accuracy])}` }));
  const shared = frame(
    theme,
    named.map((branch) => branch.name),
  );
  const losses = finite(rows.flatMap((row) => [row.fullLoss, row.branchLoss]));
  const accuracies = finite(rows.flatMap((row) => [row.fullAccuracy, row.branchAccuracy]));
  return renderSvg(`training-${theme}`, {
    ...shared,
    grid: [
      { ...shared.grid, top: 60, right: '54.5%' },
      { ...shared.grid, top: 60, left: '57%', right: 28 },
    ],
    xAxis: [0, 1].map((gridIndex) => ({
      gridIndex,
      type: 'category',
      data: rows.map((row) => row.epoch),
      boundaryGap: rows.length === 1,
      axisTick: { alignWithLabel: true },
      ...axis(theme, 'epoch', 32),
      axisLabel: { color: PALETTES[theme].text },
      splitLine: { show: false },
    })),
    yAxis: [
      { gridIndex: 0, ...lossAxis(losses), ...axis(theme, 'training loss', 52) },
      {
        gridIndex: 1,
        type: 'value',
        ...percentRange(accuracies),
        ...axis(theme, 'validation accuracy (%)', 52),
      },
    ],
    series: named.flatMap((branch) =>
      [branch.loss, branch.accuracy].map((measure, panel) => ({
        name: branch.name,
        type: 'line' as const,
        silent: true,
        xAxisIndex: panel,
        yAxisIndex: panel,
        data: rows.map((row) => (panel === 0 ? row[measure] : 100 * row[measure])),
        showSymbol: rows.length <= 30,
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { color: PALETTES[theme][branch.color], width: 2 },
        itemStyle: { color: PALETTES[theme][branch.color] },
      })),
    ),
  });
}

function lossAxis(losses: readonly number[]) {
  const [lowest, highest] = [Math.min(...losses), Math.max(...losses)];
  if (!(lowest > 0 && highest / lowest > LOG_FROM)) return { type: 'value' as const, min: 0 };
  return { type: 'log' as const, min: 10 ** Math.floor(Math.log10(lowest)), max: 10 ** Math.ceil(Math.log10(highest)) };
}

/** A diverged run leaves values that are no numbers: the chart has a gap there. */
function finite(values: readonly number[]): number[] {
  const numbers = values.filter(Number.isFinite);
  return numbers.length > 0 ? numbers : [0];
}
