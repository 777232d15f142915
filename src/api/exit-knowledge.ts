import { UserError } from '../base/errors.js';
import { percent } from '../base/format.js';
import { sum } from '../base/statistics.js';
import type { Design } from '../plan/designs.js';
import { attachmentsOf, type BuildNetwork, buildDesign } from '../plan/designs.js';
import { type Anchor, assumedRatios, type ExitShares, exitDepths } from '../plan/exit-ratios.js';
import type { Accuracies } from '../plan/latency.js';
import { type MeasuredRun, runKey } from '../run/measured-runs.js';

/** Exit ratio assumed behind the first layer if none is known: rounded, between 79 % (AlexNet) and 92 % (LeNet) in Table 1 of the paper. */
const ASSUMED_RATIO = 0.8;

export interface KnownExits {
  /** Given by the user, for the planned design. */
  readonly ratios?: readonly number[];
  readonly accuracies?: Accuracies;
  readonly runs: ReadonlyMap<string, MeasuredRun>;
  readonly dataset: string;
}

export interface ExitKnowledge {
  readonly exitsOf: (design: Design) => ExitShares;
  /** One line that says which ratios are measured and which are assumed. */
  readonly note: string;
}

/** Exit ratios and accuracies of designs: given by the user, measured by runs, or else estimated from either. */
export function exitKnowledge(planned: Design, build: BuildNetwork, options: KnownExits): ExitKnowledge {
  const { ratios, accuracies, runs, dataset } = options;
  const runOf = (design: Design): MeasuredRun | undefined => runs.get(runKey(design.network, dataset));
  const isPlanned = ({ attach, branch }: Design): boolean => attach === planned.attach && branch === planned.branch;

  const measured = runOf(planned)?.tuned?.exitRatios;
  const start = ratios ?? measured;
  const [place] = attachmentsOf(planned.network);
  const first = buildDesign(build, { attach: place, branch: 'mirror' });
  const anchor: Anchor = start
    ? { depth: exitDepths(planned).at(-1)!, ratio: sum(start) }
    : { depth: exitDepths(first)[0], ratio: ASSUMED_RATIO };

  const exitsOf = (design: Design): ExitShares => {
    const run = runOf(design);
    const own = isPlanned(design) ? { ratios, accuracies } : {};
    const assumed = { ratios: assumedRatios(design, anchor), from: 'assumed' };
    const shares = own.ratios
      ? { ratios: own.ratios, from: 'flags' }
      : run?.tuned
        ? { ratios: run.tuned.exitRatios, from: `${run.path} (${run.file})` }
        : assumed;
    return {
      ...shares,
      accuracies: own.accuracies ?? run?.accuracies,
      accuracy: run?.tuned?.accuracy ?? run?.accuracies.branches.at(-1),
    };
  };
  const source = ratios ? 'given' : exitsOf(planned).from;
  const known = start
    ? `${percent(anchor.ratio)} behind ${planned.attach} (${source})`
    : `${percent(anchor.ratio)} behind ${first.attach} (assumed)`;
  const note = `exit ratios: ${known}; "?" is an estimate from the remaining layers that ignores the size of the branch`;
  return { exitsOf, note };
}

/** @throws UserError if there aren't as many exit ratios as exits, or they add up to more than 1 */
export function requireExitRatios(ratios: readonly number[], exits: number): void {
  requireShares(ratios, '--exit-ratios', exits, 'one for each exit');
  if (sum(ratios) <= 1 + 1e-9) return;
  throw new UserError(`--exit-ratios: expected shares of all images that add up to at most 1, found ${ratios}`);
}

/**
 * Accuracies as the plan uses them.
 *
 * @param accuracies of each branch in order, then of the full network
 * @throws UserError if their number is wrong or the full network's accuracy is 0
 */
export function accuraciesOf(accuracies: readonly number[], exits: number): Accuracies {
  requireShares(accuracies, '--accuracies', exits + 1, 'each branch, then the full network');
  const [full] = accuracies.slice(-1);
  if (full > 0) return { branches: accuracies.slice(0, -1), full };
  throw new UserError(`--accuracies: the full network's accuracy must be above 0, found ${accuracies}`);
}

function requireShares(shares: readonly number[], name: string, count: number, what: string): void {
  if (shares.length === count && shares.every((share) => share >= 0 && share <= 1)) return;
  throw new UserError(
    `${name}: expected ${count} number${count > 1 ? 's' : ''} from 0 to 1 (${what}), found ${shares}`,
  );
}
