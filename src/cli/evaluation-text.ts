import { exitsOf } from '../base/exits.js';
import { percent, table } from '../base/format.js';
import { branchName } from '../network/branch-name.js';
import { dataTitle } from '../run/config.js';
import type { Statistics } from '../run/evaluation-details.js';
import type { Tested } from '../run/results.js';
import type { Run } from '../run/run-directory.js';

/** Accuracies of a run on its test images, with intervals, and how many of them exit early. */
export const evaluationText = (run: Run, tested: Tested): string =>
  `${dataTitle(run.config)}, test split, ${tested.samples} images\n${accuracyTable(run, tested)}`;

function accuracyTable({ network }: Run, { collaborative, full, details, ...first }: Tested): string {
  const isAlone = network.branch.length === 0;
  const branches = isAlone ? [] : exitsOf<Pick<Tested, 'branch'>>(first);
  const rows = [
    ['', 'accuracy', '95 % interval', 'exit early'],
    [isAlone ? 'network' : 'full branch', percent(full.accuracy), interval(details?.full), ''],
    ...branches.map(({ branch }, i) => {
      const share = collaborative?.exitRatios?.[i];
      return [
        branchName(network, i),
        percent(branch.accuracy),
        interval(details?.branches[i]),
        share === undefined ? '' : percent(share),
      ];
    }),
  ];
  if (collaborative) {
    const { tau, accuracy, exitRatio } = collaborative;
    const shown = [tau].flat().map((value) => value.toFixed(5));
    rows.push([
      `collaborative (tau ${shown.join(', ')})`,
      percent(accuracy),
      interval(details?.collaborative),
      percent(exitRatio),
    ]);
  }
  return table(rows, [1, 2, 3]);
}

const interval = (statistics: Statistics | undefined): string =>
  statistics ? statistics.interval.map((end) => percent(end)).join(' to ') : '';
