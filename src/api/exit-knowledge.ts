import { UserError } from '../base/errors.js';
import { percent } from '../base/format.js';
import { sum } from '../base/statistics.js';
import type { Design } from '../plan/designs.js';
import { attachmentsOf, type BuildNetwork, buildDesign } from '../plan/designs.js';
import { type Anchor, assumedRatios, type ExitShares, exitDepths } from '../plan/exit-ratios.js';
import type { Accuracies } from '../plan/latency.js';
import { type MeasuredRun, runKey } from '../run/measured-runs.js';

/** Share of samples that leaves behind the first layer where nobody says another: between the paper's 79 % (AlexNet) and 92 % (LeNet) of Table 1, and rounded. */
const ASSUMED_RATIO = 0.8;

export interface KnownExits {
  /** Of the design that is asked about, as the user gave them. */
  readonly ratios?: readonly number[];
  readonly accuracies?: Accuracies;
  readonly runs: ReadonlyMap<string, MeasuredRun>;
  readonly dataset: string;
}

export interface ExitKnowledge {
  readonly exitsOf: (design: Design) => ExitShares;
  /** One line for people: what is measured, and what assumed. */
  readonly note: string;
}

/** What is known of exits: measured by runs, else given by flags, else assumed from the one or the other. */
export function exitKnowledge(asked: Design, build: BuildNetwork, known: KnownExits): ExitKnowledge {
  const { ratios, accuracies, runs, dataset } = known;
  const runOf = (design: Design): MeasuredRun | undefined => runs.get(runKey(design.network, dataset));
  const isAsked = ({ attach, branch }: Design): boolean => attach === asked.attach && branch === asked.branch;

  const measured = runOf(asked)?.tuned?.exitRatios;
  const start = ratios ?? measured;
  const [place] = attachmentsOf(asked.network);
  const first = buildDesign(build, { attach: place, branch: 'mirror' });
  const anchor: Anchor = start
    ? { depth: exitDepths(asked).at(-1)!, ratio: sum(start) }
    : { depth: exitDepths(first)[0], ratio: ASSUMED_RATIO };

  const exitsOf = (design: Design): ExitShares => {
    const run = runOf(design);
    const own = isAsked(design) ? { ratios, accuracies } : {};
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
  const from = start
    ? `${percent(anchor.ratio)} behind ${asked.attach} (${ratios ? 'by flags' : exitsOf(asked).from})`
    : `assumed ${percent(anchor.ratio)} behind ${place}`;
  const note = `leave: ${from}; where nobody has measured (?), in proportion to what is left of the network, the branch's size making no difference`;
  return { exitsOf, note };
}

/** `0.8,0.1` as numbers from 0 to 1. @throws UserError where it is not so many of them */
export function sharesOf(text: string, flag: string, count: number, what: string): number[] {
  const shares = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (shares.length === count && shares.every((share) => share >= 0 && share <= 1)) return shares;
  throw new UserError(`--${flag}: expected ${count} shares from 0 to 1 (${what}), found ${text}`);
}

/** The exit ratios of `count` exits: they add up to 1 at most. @throws UserError */
export function exitRatiosOf(text: string, count: number): number[] {
  const ratios = sharesOf(text, 'exit-ratios', count, 'one for each exit');
  if (sum(ratios) <= 1 + 1e-9) return ratios;
  throw new UserError(`--exit-ratios: expected shares of all samples, 1 together at most, found ${text}`);
}

/** Those of the branches in order, then the full network's. @throws UserError */
export function accuraciesOf(text: string, exits: number): Accuracies {
  const all = sharesOf(text, 'accuracies', exits + 1, 'each branch, then the full network');
  const [full] = all.slice(-1);
  if (full > 0) return { branches: all.slice(0, -1), full };
  throw new UserError(`--accuracies: expected a full network that is right at times, found ${text}`);
}
