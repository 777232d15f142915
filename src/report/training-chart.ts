import { UserError } from '../base/errors.js';
import { type BranchKind, exitsOf } from '../base/exits.js';
import { percent } from '../base/format.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { type ShownAccuracies, shownAccuracies } from '../run/shown-accuracies.js';
import { axis, frame, PALETTES, percentRange, renderSvg, type Theme } from './chart.js';

/** Values of a branch in one epoch. */
interface Measured {
  readonly loss: number;
  readonly accuracy: number;
}

type BranchMetrics = Pick<ShownAccuracies, 'branchLoss' | 'branchAccuracy'>;

/** Styles of a branch's two curves; further branches are dashed and dotted. */
interface Line {
  readonly name: string;
  readonly color: 'full' | 'branch';
  readonly dash: 'solid' | 'dashed' | 'dotted';
  measured(row: ShownAccuracies): Measured;
}

const FULL: Line = {
  name: 'full branch',
  color: 'full',
  dash: 'solid',
  measured: ({ fullLoss, fullAccuracy }) => ({ loss: fullLoss, accuracy: fullAccuracy }),
};
const DASHES = ['solid', 'dashed', 'dotted'] as const;

/** The lines of a run with this many exits. */
function linesOf(exits: number, kind: BranchKind): Line[] {
  const branches = Array.from({ length: exits }, (_, exit) => ({
    name: exits > 1 ? `${kind} ${exit + 1}` : kind,
    color: 'branch' as const,
    dash: DASHES[exit % DASHES.length],
    measured: (row: ShownAccuracies) => {
      const { branchLoss, branchAccuracy } = exitsOf<BranchMetrics>(row)[exit];
      return { loss: branchLoss, accuracy: branchAccuracy };
    },
  }));
  return [FULL, ...branches];
}

/** Above this ratio of the highest to the lowest loss, a linear axis would hide the later epochs. */
const LOG_FROM = 20;

/**
 * Loss and accuracy of all branches against the epoch; on training images if none are kept for validation.
 *
 * @returns SVG
 * @throws UserError if there are no epochs
 */
export function trainingChart(
  epochs: readonly EpochMetrics[],
  theme: Theme = 'light',
  kind: BranchKind = 'binary branch',
): string {
  const rows = epochs.map(shownAccuracies);
  if (rows.length === 0) throw new UserError('training chart: expected at least one epoch, found none; train first');
  const last = rows[rows.length - 1];
  const named = linesOf(exitsOf<BranchMetrics>(last).length, kind).map((line) => ({
    ...line,
    name: `${line.name} ${percent(line.measured(last).accuracy)}`,
    values: rows.map(line.measured),
  }));
  const shared = frame(
    theme,
    named.map((branch) => branch.name),
  );
  const losses = finite(named.flatMap(({ values }) => values.map(({ loss }) => loss)));
  const accuracies = finite(named.flatMap(({ values }) => values.map(({ accuracy }) => accuracy)));
  return renderSvg(`training-${theme}`, {
    ...shared,
    grid: [
      { ...shared.grid, top: 60, right: '54.5%' },
      { ...shared.grid, top: 60, left: '57%', right: 28 },
    ],
    xAxis: [0, 1].map((gridIndex) => ({
      gridIndex,
      type: 'category',
      data: epochs.map(({ epoch }) => epoch),
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
        ...axis(theme, `${last.on} accuracy (%)`, 52),
      },
    ],
    series: named.flatMap((branch) =>
      [0, 1].map((panel) => ({
        name: branch.name,
        type: 'line' as const,
        silent: true,
        xAxisIndex: panel,
        yAxisIndex: panel,
        data: branch.values.map((value) => (panel === 0 ? value.loss : 100 * value.accuracy)),
        showSymbol: rows.length <= 30,
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { color: PALETTES[theme][branch.color], width: 2, type: branch.dash },
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

/** Values of a diverged run that aren't finite become a gap in the chart. */
function finite(values: readonly number[]): number[] {
  const numbers = values.filter(Number.isFinite);
  return numbers.length > 0 ? numbers : [0];
}
