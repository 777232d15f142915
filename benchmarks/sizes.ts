/** Prints the sizes of every row of the paper's Table 1 as a table for docs/reproduce/sizes.md: `npm run bench:sizes`. */
import { countSizes, measureDownload, type Row, TABLE_1 } from './table-1.js';

const thousands = (bytes: number): string => Math.round(bytes).toLocaleString('en');

/** How far the paper's figure is from ours, in the unit that brings them nearest: MB, or thousands of KiB. */
function difference(bytes: number, inPrint: number): string {
  const [unit, percent] = [['MB', 1e6] as const, ['1000 KiB', 1024e3] as const]
    .map(([name, size]) => [name, 100 * (bytes / size / inPrint - 1)] as const)
    .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))[0];
  return `${percent > 0 ? '+' : ''}${percent.toFixed(1)} % (${unit})`;
}

function line(row: Row): string {
  const { full, signs } = countSizes(row);
  const download = measureDownload(row);
  const fits = download <= row.branchInPrint * 1e6 ? 'yes' : '**no**';
  const cells = [
    row.title,
    thousands(full),
    row.fullInPrint,
    difference(full, row.fullInPrint),
    thousands(signs),
    thousands(download),
    row.branchInPrint,
    fits,
    (full / download).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

console.log(
  '| row | full network, bytes | F_size, "MB" | difference | signs of the branch, bytes | download, bytes | B_size, "MB" | within B_size | times smaller |',
);
console.log('| --- | --: | --: | --: | --: | --: | --: | --- | --: |');
for (const row of TABLE_1) console.log(line(row));
