/** Sizes of every row of the paper's Table 1, for docs/reproduce/sizes.md: `npm run bench:sizes`. */
import { printTable } from './print-table.js';
import { writeResult } from './results.js';
import { countSizes, measureDownload, type Row, TABLE_1 } from './table-1.js';

/** Difference between the paper's figure and ours, in the closer of two units: MB, or thousands of KiB. */
function difference(bytes: number, inPrint: number): string {
  const [unit, percent] = [['MB', 1e6] as const, ['1000 KiB', 1024e3] as const]
    .map(([name, size]) => [name, 100 * (bytes / size / inPrint - 1)] as const)
    .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))[0];
  return `${percent > 0 ? '+' : ''}${percent.toFixed(1)} % (${unit})`;
}

function cellsOf(row: Row): (string | number)[] {
  const { full, signs } = countSizes(row);
  const download = measureDownload(row);
  const fits = download <= row.branchInPrint * 1e6 ? 'yes' : '**no**';
  const paper = [row.fullInPrint, difference(full, row.fullInPrint)];
  return [row.title, full, ...paper, signs, download, row.branchInPrint, fits, full / download];
}

const table = {
  columns: [
    { title: 'row' },
    { title: 'full network, bytes', digits: 0 },
    { title: 'paper: F_size, "MB"' },
    { title: 'difference', align: 'right' as const },
    { title: 'signs of the branch, bytes', digits: 0 },
    { title: 'download, bytes', digits: 0 },
    { title: 'paper: B_size, "MB"' },
    { title: 'within B_size' },
    { title: 'times smaller', digits: 1 },
  ],
  rows: TABLE_1.map(cellsOf),
};
console.log(printTable(table));
writeResult('table-1-sizes', { command: 'npm run bench:sizes', tables: { sizes: table } });
