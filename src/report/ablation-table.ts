import { percent } from '../base/format.js';
import { type Ablation, type AblationRow, isTrainedRow } from '../run/ablation.js';
import { BASE } from '../run/grid.js';
import { describeOptions } from '../run/option-text.js';
import { points, signed } from './ablation-chart.js';

const HEADER = ['variant', 'changes', 'branch', 'against base', 'full', 'device', 'time', 'images/s', 'seed', 'epochs'];
const RIGHT = new Set(['branch', 'against base', 'full', 'device', 'time', 'images/s', 'seed', 'epochs']);

/** Cells of an ablation's table, for terminals and Markdown: header, base (not in every shard), variants. */
export function ablationCells(rows: readonly AblationRow[]): string[][] {
  return [
    HEADER,
    ...rows.map((row) =>
      cells(
        row,
        rows.find(({ name }) => name === BASE),
      ),
    ),
  ];
}

/** Indices of the columns with numbers. */
export const NUMBER_COLUMNS: readonly number[] = HEADER.flatMap((name, column) => (RIGHT.has(name) ? [column] : []));

/** `ablation.md`: the table, an explanation of its columns, and the command of each row. */
export function ablationMarkdown({ title, command, rows }: Ablation): string {
  const [header, ...body] = ablationCells(rows);
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  const rule = header.map((_, column) => (NUMBER_COLUMNS.includes(column) ? '--:' : '---'));
  const failures = rows.flatMap((row) => (isTrainedRow(row) ? [] : [`- ${row.name}: ${row.failed}`]));
  return [
    `# ${title}`,
    '',
    'Accuracy on the validation images after the last epoch. "against base" is the difference of the branch in points. Each',
    'variant was trained once, so small differences may be chance. "device" is the download before compression, and "time" is',
    'the time of the training steps.',
    '',
    line(header),
    `|${rule.join('|')}|`,
    ...body.map(line),
    '',
    ...(failures.length > 0 ? ['Ended early:', '', ...failures, ''] : []),
    '![Validation accuracy of every variant against the base](ablation.svg)',
    '',
    'The whole table, then every row alone:',
    '',
    '```sh',
    command,
    '',
    ...rows.map((row) => row.command),
    '```',
    '',
  ].join('\n');
}

function cells(row: AblationRow, base: AblationRow | undefined): string[] {
  const { name, changes, deviceBytes, seed, epochs } = row;
  const ends = [`${seed}`, `${epochs}`];
  const device = `${(deviceBytes / 1000).toFixed(1)} KB`;
  if (!isTrainedRow(row)) return [name, describeOptions(changes), 'diverged', '', '', device, '', '', ...ends];
  const difference = row === base || !base ? undefined : points(row, base, 'branchAccuracy');
  return [
    name,
    describeOptions(changes),
    percent(row.branchAccuracy),
    difference === undefined ? '' : signed(difference, 2),
    percent(row.fullAccuracy),
    device,
    `${row.seconds.toFixed(row.seconds < 100 ? 1 : 0)} s`,
    row.imagesPerSecond.toFixed(0),
    ...ends,
  ];
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|');
