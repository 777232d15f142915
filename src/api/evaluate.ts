import { oneOrList, withExits } from '../base/exits.js';
import type { Dataset } from '../datasets/dataset.js';
import { predictionStatistics } from '../evaluation/class-statistics.js';
import { chooseGallery, type JudgedAnswers } from '../evaluation/gallery.js';
import {
  type ClassPredictions,
  collaborativePredictions,
  predictionsOf,
  selectPredictions,
} from '../evaluation/predictions.js';
import { writeReport } from '../report/write-report.js';
import type { EvaluationDetails, GalleryImage } from '../run/evaluation-details.js';
import { readExitRule, type Tested, writeGalleryPictures, writeResult } from '../run/results.js';
import { collaborativeExits, harmfulShare } from '../tau/exits.js';
import { count, type Outcomes, outcomesFromLogits } from '../tau/outcomes.js';
import type { Logits } from '../train/evaluate.js';
import { galleryPictures } from './gallery-pictures.js';
import { type MeasureOptions, openTrained, type Trained } from './open-trained.js';

/**
 * Measures the accuracy of a run on the test split: the full branch, each binary branch and, once τ is tuned, all of them
 * together. Writes `test.json` into the run and updates its report.
 *
 * @throws UserError if the run isn't trained or the data are missing; the signal's reason if it is aborted
 * @example
 * const { full, collaborative } = await evaluate('runs/mnist', { signal: AbortSignal.timeout(60_000) });
 */
export async function evaluate(run: string, options: MeasureOptions = {}): Promise<Tested> {
  return evaluateTrained(await openTrained(run, options));
}

/** `evaluate` for a run that is already open. */
export async function evaluateTrained({ run, dataset, evaluate: withNetwork }: Trained): Promise<Tested> {
  const logits = await withNetwork((logitsOf) => logitsOf(dataset.test));
  const { taus, entropyTemperature } = { ...readExitRule(run) };
  const exits = outcomesFromLogits(logits, logits.labels, logits.classes, entropyTemperature);
  const samples = dataset.test.count;
  const together = taus && { ...collaborativeExits(exits, taus), harm: harmfulShare(exits, taus) };
  const branches = exits.map(({ branchRight }) => ({ branch: { accuracy: count(branchRight) / samples } }));
  const result: Tested = {
    full: { accuracy: count(exits[0].fullRight) / samples },
    ...withExits(branches),
    collaborative: taus && together ? { ...together, tau: oneOrList(taus) } : null,
    samples,
    details: detailsOf(logits, run.network.branch.length > 0 ? exits : [], taus, dataset),
  };
  writeResult(run, 'test', result);
  const shown = Object.values(result.details?.gallery ?? {}).flat();
  writeGalleryPictures(
    run,
    await galleryPictures(
      dataset,
      shown.map(({ index }) => index),
    ),
  );
  writeReport(run);
  return result;
}

/** Statistics by class of the full network, of each exit (none in a full network alone), and of the whole system if τ is tuned. */
function detailsOf(
  { full, branches, labels, classes }: Logits,
  outcomes: readonly Outcomes[],
  taus: readonly number[] | undefined,
  dataset: Pick<Dataset, 'labels' | 'folder'>,
): EvaluationDetails {
  const statistics = (predictions: Parameters<typeof predictionStatistics>[0]) =>
    predictionStatistics(predictions, labels, classes);
  const fullAnswers = predictionsOf(full, classes);
  const exits = branches
    .slice(0, outcomes.length)
    .map((logits, i) => ({ ...predictionsOf(logits, classes), entropy: outcomes[i].entropy }));
  const together = taus && collaborativePredictions(fullAnswers, exits, taus);
  const details = {
    classNames: [...dataset.labels],
    full: statistics(fullAnswers),
    branches: exits.map(statistics),
    gallery: galleryOf({ labels, full: fullAnswers, exits, together }, dataset),
  };
  if (!together) return details;
  const exitsEarly = (sample: number): boolean => together.early[sample] === 1;
  const early = predictionStatistics(
    selectPredictions(together, exitsEarly),
    labels.filter((_, sample) => exitsEarly(sample)),
    classes,
  );
  return { ...details, collaborative: statistics(together), early };
}

/** Images of each kind in the gallery. */
const GALLERY_IMAGES = 8;

function galleryOf(judged: JudgedAnswers, { folder }: Pick<Dataset, 'folder'>): EvaluationDetails['gallery'] {
  const { labels, full, exits, together } = judged;
  const image = (index: number, answers: ClassPredictions, entropy?: number): GalleryImage => ({
    index,
    name: folder?.test[index].file ?? `test ${index}`,
    label: labels[index],
    answer: answers.classes[index],
    confidence: answers.confidence[index],
    full: full.classes[index],
    ...(entropy === undefined ? {} : { entropy }),
  });
  const answered = (index: number): GalleryImage => {
    const exit = together?.exit[index] ?? -1;
    return image(index, together ?? full, exit < 0 ? undefined : exits[exit].entropy[index]);
  };
  const chosen = chooseGallery(judged, GALLERY_IMAGES);
  const last = exits[exits.length - 1];
  return {
    mistakes: chosen.mistakes.map(answered),
    harmful: chosen.harmful.map(answered),
    needless: chosen.needless.map((index) => image(index, last, last.entropy[index])),
  };
}
