import { UserError } from '../base/errors.js';
import { type PairedComparison, pairedComparison } from '../evaluation/mcnemar.js';
import { collaborativePredictions, predictionsOf } from '../evaluation/predictions.js';
import { readExitRule } from '../run/results.js';
import { outcomesFromLogits } from '../tau/outcomes.js';
import { type MeasureOptions, openTrained } from './open-trained.js';

/** Two runs on the same test images. */
export interface AnswerComparison {
  readonly samples: number;
  /** Accuracies of the first and of the second run, and who is right where. */
  readonly full: RunPair;
  /** The whole systems at their tuned thresholds; missing unless both are tuned. */
  readonly collaborative?: RunPair;
}

export interface RunPair extends PairedComparison {
  readonly accuracies: readonly [first: number, second: number];
}

/**
 * Compares the answers of two runs on the same test images, with McNemar's test.
 *
 * @throws UserError if the runs have different test images or classes
 */
export async function compareAnswers(
  first: string,
  second: string,
  data: MeasureOptions = {},
): Promise<AnswerComparison> {
  const one = await rightAnswers(first, data);
  const other = await rightAnswers(second, data);
  const isSame =
    one.labels.length === other.labels.length &&
    one.labels.every((label, i) => label === other.labels[i]) &&
    one.contents === other.contents;
  if (!isSame || `${one.classNames}` !== `${other.classNames}`) {
    throw new UserError(
      `${second}: expected the test images of ${first} (${one.labels.length} images, ${one.classNames.length} classes), ` +
        `found others (${other.labels.length} images, ${other.classNames.length} classes); compare runs on the same data set`,
    );
  }
  return {
    samples: one.labels.length,
    full: pairOf(one.full, other.full),
    ...(one.collaborative && other.collaborative
      ? { collaborative: pairOf(one.collaborative, other.collaborative) }
      : {}),
  };
}

function pairOf(first: Uint8Array, second: Uint8Array): RunPair {
  const share = (right: Uint8Array): number => right.reduce((sum, one) => sum + one, 0) / right.length;
  return { accuracies: [share(first), share(second)], ...pairedComparison(first, second) };
}

/** 1 for each test image that a run gets right, else 0. */
async function rightAnswers(path: string, data: MeasureOptions) {
  const { run, dataset, evaluate } = await openTrained(path, data);
  const { full, branches, labels, classes } = await evaluate((logitsOf) => logitsOf(dataset.test));
  const rightOf = (predicted: Uint16Array) => Uint8Array.from(labels, (label, i) => (predicted[i] === label ? 1 : 0));
  const fullAnswers = predictionsOf(full, classes);
  const { taus, entropyTemperature } = { ...readExitRule(run) };
  const outcomes = outcomesFromLogits({ full, branches }, labels, classes, entropyTemperature);
  const exits = branches.map((logits, i) => ({ ...predictionsOf(logits, classes), entropy: outcomes[i].entropy }));
  return {
    labels,
    // Of image files, the content of each; other data sets are known by name.
    contents: dataset.test.hashes?.join() ?? dataset.name,
    classNames: dataset.labels,
    full: rightOf(fullAnswers.classes),
    ...(taus ? { collaborative: rightOf(collaborativePredictions(fullAnswers, exits, taus).classes) } : {}),
  };
}
