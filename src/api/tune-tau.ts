import { UserError } from '../base/errors.js';
import { branchKind, exitsOf } from '../base/exits.js';
import { writeFileAtomic } from '../base/files.js';
import { toPng } from '../report/chart.js';
import { tauChart } from '../report/tau-chart.js';
import { writeReport } from '../report/write-report.js';
import type { Config } from '../run/config.js';
import { writeResult } from '../run/results.js';
import { runFile } from '../run/run-directory.js';
import { type ClassHarm, harmByClass } from '../tau/by-class.js';
import { checkEntropyTemperature } from '../tau/entropy.js';
import { outcomesFromLogits } from '../tau/outcomes.js';
import { checkOptions, type ExitResult, type TauOptions, type TauResult } from '../tau/tune.js';
import { tuneExits } from '../tau/tune-exits.js';
import { splitByConfig } from '../train/split-by-config.js';
import { type CrossFitEvents, crossFit } from './cross-fit.js';
import { type MeasureOptions, openTrained, type Trained } from './open-trained.js';

export interface TuneTauOptions extends TauOptions {
  /** Number of folds to cross-fit (`crossFit`) instead of using the validation images. */
  readonly crossFit?: number;
  /** Divides the logits before the entropy is computed, here and on the device. Default 1 (Eq. 7). */
  readonly entropyTemperature?: number;
}

/** Thresholds of a run, and how early exits are spread over the true classes of the images. */
export interface TunedRun extends TauResult {
  /** Number of folds, if it was cross-fitted. */
  readonly crossFit?: number;
  readonly entropyTemperature: number;
  readonly byClass: readonly (ClassHarm & { readonly name: string })[];
}

/**
 * Tunes the exit threshold τ of a run, or those of several exits, on its validation images. Writes `tau.json` and charts
 * into the run and updates its report.
 *
 * @throws UserError if the run isn't trained, an option is wrong, or the data are missing; the signal's reason if it is aborted
 */
export async function tuneTau(run: string, options: TuneTauOptions & MeasureOptions = {}): Promise<TunedRun> {
  const { dataDir, acceptChangedData, onProgress, onNote, signal, onImages, ...tau } = options;
  const trained = await openTrained(run, { dataDir, acceptChangedData, onProgress, onNote, signal, onImages });
  return tuneTrained(trained, { ...tau, onNote, signal });
}

/**
 * Checks what can be known before a run is trained.
 *
 * @param run its path, for messages
 * @param images numbers of images in the run's splits
 * @param exits number of the network's exits
 * @throws UserError if an option is out of range or doesn't suit the run, or there are too few images
 */
export function checkTuneOptions(
  run: string,
  { crossFit: folds, entropyTemperature = 1, ...limits }: TuneTauOptions,
  { views }: Pick<Config, 'views'>,
  images: { readonly train: number; readonly validation: number },
  exits: number,
): void {
  if (folds === undefined && images.validation === 0) {
    throw new UserError(`${run}: expected validation images to tune on, found validation 0; give --cross-fit 3`);
  }
  if (folds !== undefined && views === 0) {
    throw new UserError(`cross-fit: expected a run that was trained with --views, found ${run}, trained on images`);
  }
  checkEntropyTemperature(entropyTemperature);
  checkOptions(limits, images.validation + (folds === undefined ? 0 : images.train), exits);
}

/** `tuneTau` for a run that is already open. @param options `onNote` and `signal` are for cross-fitting */
export async function tuneTrained(trained: Trained, options: TuneTauOptions & CrossFitEvents = {}): Promise<TunedRun> {
  const { crossFit: folds, entropyTemperature = 1, onNote, signal, ...limits } = options;
  const { run, dataset, evaluate } = trained;
  const { certifying } = splitByConfig(dataset.train, run.config);
  const images = { train: dataset.train.count - certifying.length, validation: certifying.length };
  // Before the images are evaluated or the heads trained, which takes minutes.
  checkTuneOptions(run.path, options, run.config, images, exitsOf(run.network).length);
  const logits =
    folds === undefined
      ? await evaluate((logitsOf) => logitsOf(dataset.train, certifying))
      : await crossFit(trained, folds, { onNote, signal });
  const outcomes = outcomesFromLogits(logits, logits.labels, logits.classes, entropyTemperature);
  const tuned = tuneExits(outcomes, { seed: run.config.seed, ...limits }, logits);
  const taus = exitsOf<ExitResult>(tuned).map(({ tau }) => tau);
  const byClass = harmByClass(outcomes, taus, logits.labels, logits.classes);
  const result = {
    ...tuned,
    entropyTemperature,
    ...(folds === undefined ? {} : { crossFit: folds, note: estimateNote(folds, tuned.note) }),
    byClass: byClass.map((harm, i) => ({ name: dataset.labels[i], ...harm })),
  };
  writeResult(run, 'tau', result);
  for (const [i, exit] of exitsOf<ExitResult>(result).entries()) {
    const svg = tauChart({ ...result, ...exit }, 'light', branchKind(run.network));
    writeFileAtomic(runFile(run, 'tauSvg', i), svg);
    writeFileAtomic(runFile(run, 'tauPng', i), await toPng(svg));
  }
  writeReport(run);
  return result;
}

const estimateNote = (folds: number, note: string | undefined): string =>
  `an estimate: each of ${folds} heads answered the photographs it was not trained on, and the limits are proved for these ` +
  `heads, not for the one that is exported${note === undefined ? '' : `; ${note}`}`;
