import { UserError } from '../base/errors.js';
import { oneOrList } from '../base/exits.js';
import { looseImages } from '../datasets/image-folder/loose-images.js';
import { areaUnderRoc, energies, margins, unknownKept } from '../evaluation/novelty.js';
import { predictionsOf } from '../evaluation/predictions.js';
import { writeReport } from '../report/write-report.js';
import { readExitRule, writeResult } from '../run/results.js';
import { entropies } from '../tau/entropy.js';
import { openTrained } from './open-trained.js';
import type { DataOptions } from './run-data.js';

/** How well a score of the first exit's logits separates test images from images of no class. */
export interface NoveltyScore {
  readonly score: 'entropy' | 'energy' | 'margin';
  /** Area under the ROC curve; 0.5 is chance. */
  readonly area: number;
  /** The same among images that exit early, where only a second threshold could help; null if one group is empty. */
  readonly areaAmongEarly: number | null;
  /** Share of the unknown images' early exits that pass a threshold which 95 % of the test images' early exits pass. */
  readonly unknownPassing: number | null;
}

/** What a run answers to images that belong to none of its classes. */
export interface UnknownAnswers {
  readonly folder: string;
  readonly images: number;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** Images that exit early, except as class `other`: wrong answers, with a low entropy, that no test split shows. */
  readonly exits: number;
  readonly exitRatio: number;
  /** Exit ratio of the test images, for comparison. */
  readonly testExitRatio: number;
  /** Early answers by class, the most frequent first. */
  readonly answers: readonly { readonly name: string; readonly exits: number }[];
  readonly scores: readonly NoveltyScore[];
  /** Early exits with the lowest entropy. */
  readonly surest: readonly { readonly file: string; readonly answer: string; readonly entropy: number }[];
}

/** Name of a class for images of no other class: the right answer to unknown images. */
const OTHER = 'other';
const KEPT = 0.95;
const SUREST = 5;

/**
 * Classifies images that belong to no class of a run, for example what a camera sees when nothing is in front of it. Writes
 * `unknown.json` into the run and updates its report.
 *
 * @param folder of images, also in the folders inside it
 * @throws UserError if τ isn't tuned yet, the run has no branch, or no image can be used
 */
export async function evaluateUnknown(path: string, folder: string, data: DataOptions = {}): Promise<UnknownAnswers> {
  const { run, dataset, evaluate } = await openTrained(path, data);
  const rule = readExitRule(run);
  if (!rule || run.network.branch.length === 0) {
    throw new UserError(`${path}: expected a tuned threshold, found none; run "lcdnn tune-tau ${path}" first`);
  }
  const { taus, entropyTemperature } = rule;
  const { split, files, skipped } = await looseImages(folder, dataset, data.onProgress);
  const [unknown, known] = await evaluate(async (logitsOf) => [await logitsOf(split), await logitsOf(dataset.test)]);
  const { classes } = known;
  const entropiesOf = ({ branches }: typeof known) =>
    branches.map((logits) => entropies(logits, classes, entropyTemperature));
  const [unknownEntropies, knownEntropies] = [entropiesOf(unknown), entropiesOf(known)];
  const exitOf = (byExit: readonly Float64Array[], sample: number): number =>
    byExit.findIndex((entropy, exit) => entropy[sample] < taus[exit]);
  const early = (byExit: readonly Float64Array[], count: number): number[] =>
    Array.from({ length: count }, (_, i) => i).filter((i) => exitOf(byExit, i) >= 0);
  const [unknownEarly, knownEarly] = [early(unknownEntropies, split.count), early(knownEntropies, dataset.test.count)];

  const predictions = unknown.branches.map((logits) => predictionsOf(logits, classes).classes);
  const answered = unknownEarly.map((i) => {
    const exit = exitOf(unknownEntropies, i);
    return { file: files[i], label: predictions[exit][i], entropy: unknownEntropies[exit][i] };
  });
  const exits = answered.filter(({ label }) => dataset.labels[label] !== OTHER);
  const counts = new Map<number, number>();
  for (const { label } of answered) counts.set(label, (counts.get(label) ?? 0) + 1);

  const negative = (values: Float64Array) => values.map((value) => -value);
  const scores: [NoveltyScore['score'], Float64Array, Float64Array][] = [
    ['entropy', negative(knownEntropies[0]), negative(unknownEntropies[0])],
    ['energy', energies(known.branches[0], classes), energies(unknown.branches[0], classes)],
    ['margin', margins(known.branches[0], classes), margins(unknown.branches[0], classes)],
  ];
  const result: UnknownAnswers = {
    folder,
    images: split.count,
    skipped,
    exits: exits.length,
    exitRatio: exits.length / split.count,
    testExitRatio: knownEarly.length / dataset.test.count,
    answers: [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([label, count]) => ({ name: dataset.labels[label], exits: count })),
    scores: scores.map(([score, ofKnown, ofUnknown]) => {
      const [knownExits, unknownExits] = [knownEarly.map((i) => ofKnown[i]), unknownEarly.map((i) => ofUnknown[i])];
      return {
        score,
        area: areaUnderRoc(ofKnown, ofUnknown)!,
        areaAmongEarly: areaUnderRoc(knownExits, unknownExits),
        unknownPassing: unknownKept(knownExits, unknownExits, KEPT),
      };
    }),
    surest: [...exits]
      .sort((a, b) => a.entropy - b.entropy)
      .slice(0, SUREST)
      .map(({ file, label, entropy }) => ({ file, answer: dataset.labels[label], entropy })),
  };
  writeResult(run, 'unknown', { tau: oneOrList(taus), ...result });
  writeReport(run);
  return result;
}
