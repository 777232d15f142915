import { exitsOf } from '../base/exits.js';
import { fileSize, percent, table, wholeNumber } from '../base/format.js';
import { sum } from '../base/statistics.js';
import type { Exit } from '../network/layers.js';
import type { Priced } from '../plan/compare-designs.js';
import { wayTimes } from '../plan/latency.js';
import { ratioToMatch } from '../plan/price.js';
import { milliseconds } from './quantities.js';

/** Rows of a table, and the indices of its columns with numbers. */
export interface Cells {
  readonly rows: readonly (readonly string[])[];
  readonly right: readonly number[];
}

export const cellsAsText = ({ rows, right }: Cells): string => table(rows, right);

/** The path of a page's first image through a design: exit by exit, then the edge. */
export function wayCells({ attach, network, times, exits, uplinkBytes, cost }: Priced): Cells {
  const ways = wayTimes(times);
  const attachments = attach.split(',');
  const rows = exitsOf<Exit>(network).map((_, exit) => {
    const { downloadMs, trunkMs, branchMs } = times.exits[exit];
    const own = (part: string) => (exit === 0 ? part : `${part}${exit + 1}`);
    const layers = cost.layers.filter(({ part }) => part === own('shared') || part === own('branch'));
    return [
      `exit behind ${attachments[exit]}`,
      fileSize(sum(layers.map(({ bytes }) => bytes))),
      milliseconds(downloadMs),
      milliseconds(trunkMs),
      milliseconds(branchMs),
      '',
      percent(exits.ratios[exit]),
      milliseconds(ways[exit]),
    ];
  });
  const edge = [
    'edge',
    `${fileSize(uplinkBytes)} up`,
    milliseconds(times.uplinkMs),
    '',
    '',
    milliseconds(times.edgeMs),
    percent(Math.max(0, 1 - sum(exits.ratios))),
    milliseconds(ways[ways.length - 1]),
  ];
  const header = [
    'answered by',
    'bytes',
    'transfer ms',
    'trunk ms',
    'branch ms',
    'tail ms',
    'share',
    'first answer ms',
  ];
  return { rows: [header, ...rows, edge], right: [1, 2, 3, 4, 5, 6, 7] };
}

/** Designs with their costs, in the given order; those in `best` are marked. */
export function designCells(
  designs: readonly Priced[],
  compared: Priced,
  images: number,
  best: readonly Priced[] = [],
): Cells {
  const rows = designs.map((design) => {
    const { attach, branch, downloadBytes, macs, binaryOps, uplinkBytes, exits, expectedMs, furtherMs, paper } = design;
    const needed = exits.ratios.length === 1 ? ratioToMatch(design, compared, images) : undefined;
    return [
      `${best.includes(design) ? '* ' : ''}${exits.ratios.length}`,
      attach,
      branch,
      fileSize(downloadBytes),
      wholeNumber(macs / 1000),
      wholeNumber(binaryOps / 1000),
      fileSize(uplinkBytes),
      `${percent(sum(exits.ratios))}${exits.from === 'assumed' ? ' ?' : ''}`,
      exits.accuracy === undefined ? '' : percent(exits.accuracy),
      milliseconds(expectedMs),
      milliseconds(paper.milliseconds),
      milliseconds(furtherMs),
      needed === undefined ? '' : needed > 1 ? 'none' : percent(needed),
    ];
  });
  const header = [
    'exits',
    'behind',
    'branch',
    'download',
    '1000 MACs',
    '1000 binary',
    'uplink',
    'exit early',
    'accuracy',
    'expected ms',
    'Eq. 11-16',
    'further ms',
    'must exit early',
  ];
  return { rows: [header, ...rows], right: [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] };
}

/** The grid of Fig. 7: bytes and operations by number of layers, and the accuracy if a run exists. */
export function sizeCells(sizes: readonly Priced[]): Cells {
  const rows = sizes.map(({ branch, cost, exits, expectedMs }) => {
    const [, conv, fc] = /^conv=(\d+),fc=(\d+)$/.exec(branch)!;
    const { accuracies } = exits;
    return [
      conv,
      fc,
      wholeNumber(cost.device.bytes),
      wholeNumber(cost.device.macs),
      wholeNumber(cost.device.binaryOps),
      accuracies ? percent(accuracies.branches[0]) : '',
      accuracies ? percent(accuracies.full) : '',
      `${percent(sum(exits.ratios))}${exits.from === 'assumed' ? ' ?' : ''}`,
      milliseconds(expectedMs),
    ];
  });
  const header = ['conv', 'fc', 'bytes', 'MACs', 'binary ops', 'branch', 'full', 'exit early', 'expected ms'];
  return { rows: [header, ...rows], right: [0, 1, 2, 3, 4, 5, 6, 7, 8] };
}
