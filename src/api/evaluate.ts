import { oneOrList, withExits } from '../base/exits.js';
import { writeReport } from '../report/write-report.js';
import { readTaus, type Tested, writeResult } from '../run/results.js';
import { collaborativeExits } from '../tau/exits.js';
import { count, outcomesFromLogits } from '../tau/outcomes.js';
import { openTrained, type Trained } from './open-trained.js';
import type { DataOptions } from './run-data.js';

/**
 * Measures the accuracy of a run on the test split: the full branch, each binary branch and, once τ is tuned, all of them
 * together. Writes `test.json` into the run and updates its report.
 *
 * @throws UserError if the run isn't trained or the data are missing
 */
export async function evaluate(run: string, options: DataOptions = {}): Promise<Tested> {
  return evaluateTrained(await openTrained(run, options));
}

/** `evaluate` for a run that is already open. */
export async function evaluateTrained({ run, dataset, evaluate: withNetwork }: Trained): Promise<Tested> {
  const logits = await withNetwork((logitsOf) => logitsOf(dataset.test));
  const exits = outcomesFromLogits(logits, logits.labels, logits.classes);
  const samples = dataset.test.count;
  const taus = readTaus(run);
  const together = taus && collaborativeExits(exits, taus);
  const branches = exits.map(({ branchRight }) => ({ branch: { accuracy: count(branchRight) / samples } }));
  const result: Tested = {
    full: { accuracy: count(exits[0].fullRight) / samples },
    ...withExits(branches),
    collaborative: taus && together ? { ...together, tau: oneOrList(taus) } : null,
    samples,
  };
  writeResult(run, 'test', result);
  writeReport(run);
  return result;
}
