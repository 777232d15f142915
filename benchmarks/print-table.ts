import type { ResultTable } from './results.js';

/** A number with thousands separators and `digits` after the point, else whole or with three significant digits. */
export function printCell(cell: number | string | null, digits?: number, unit = ''): string {
  if (cell === null) return '';
  if (typeof cell === 'string') return cell;
  const format =
    digits !== undefined
      ? { minimumFractionDigits: digits, maximumFractionDigits: digits }
      : Math.abs(cell) < 1000
        ? { maximumSignificantDigits: 3 }
        : { maximumFractionDigits: 0 };
  return `${cell.toLocaleString('en-US', format)}${unit}`;
}

/** A Markdown table. Columns with numbers are aligned to the right unless they say otherwise. */
export function printTable({ columns, rows }: ResultTable): string {
  const aligned = columns.map(
    ({ align }, at) => align ?? (rows.some((row) => typeof row[at] === 'number') ? 'right' : 'left'),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(aligned.map((align) => (align === 'right' ? '--:' : '---'))),
    ...rows.map((row) => line(row.map((cell, at) => printCell(cell, columns[at].digits, columns[at].unit)))),
  ].join('\n');
}
