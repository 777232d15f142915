import { UserError } from '../base/errors.js';
import { exitsOf, withExits } from '../base/exits.js';
import { readResult, type Tuned, writeResult } from './results.js';
import type { Run } from './run-directory.js';

/**
 * Replaces the last exit's threshold in `tau.json` with one that was found in use. Accuracy and exit ratio become those
 * of the validation images at the new threshold.
 *
 * @throws UserError if no threshold was tuned yet
 */
export function applyTau(run: Run, tau: number, note: string): void {
  const tuned = readResult(run, 'tau');
  if (!tuned)
    throw new UserError(`${run.path}: expected a tuned threshold, found none; run "lcdnn tune-tau ${run.path}"`);
  const exits = exitsOf<Pick<Tuned, 'tau' | 'curve' | 'branch'>>(tuned);
  const last = exits[exits.length - 1];
  const { accuracy, exitRatio } = last.curve.findLast((point) => point.tau <= tau) ?? last.curve[0];
  const changed = exits.with(-1, { ...last, tau });
  const { exitRatios: _, ...collaborative } = tuned.collaborative;
  const result = { ...tuned, ...withExits(changed), method: 'in-use', objective: 'in-use', note };
  writeResult(run, 'tau', { ...result, collaborative: { ...collaborative, accuracy, exitRatio } });
}
