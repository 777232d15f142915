import { branchKind, exitsOf } from '../base/exits.js';
import { writeFileAtomic } from '../base/files.js';
import { splitTrainValidation } from '../datasets/split.js';
import { toPng } from '../report/chart.js';
import { tauChart } from '../report/tau-chart.js';
import { writeReport } from '../report/write-report.js';
import { writeResult } from '../run/results.js';
import { runFile } from '../run/run-directory.js';
import { outcomesFromLogits } from '../tau/outcomes.js';
import type { ExitResult, TauOptions, TauResult } from '../tau/tune.js';
import { tuneExits } from '../tau/tune-exits.js';
import type { Trained } from './open-trained.js';

/** Tunes the thresholds of a run on its validation images, and writes them and their charts into it. */
export async function tuneRun({ run, dataset, evaluate }: Trained, options: TauOptions = {}): Promise<TauResult> {
  const { validation } = splitTrainValidation(dataset.train.labels, run.config.validation, run.config.seed);
  const logits = await evaluate((logitsOf) => logitsOf(dataset.train, validation));
  const outcomes = outcomesFromLogits(logits, logits.labels, logits.classes);
  const result = tuneExits(outcomes, { seed: run.config.seed, ...options });
  writeResult(run, 'tau', result);
  for (const [i, exit] of exitsOf<ExitResult>(result).entries()) {
    const svg = tauChart({ ...result, ...exit }, 'light', branchKind(run.network));
    writeFileAtomic(runFile(run, 'tauSvg', i), svg);
    writeFileAtomic(runFile(run, 'tauPng', i), await toPng(svg));
  }
  writeReport(run);
  return result;
}
