import { shareInterval } from './confidence-interval.js';
import type { ClassPredictions } from './predictions.js';

/** Precision is null for a class that was never predicted, recall for a class without samples. */
export interface ClassStatistics {
  readonly precision: number | null;
  readonly recall: number | null;
  /** Samples with this label. */
  readonly count: number;
}

/** Number of samples of class `label` that were predicted as class `predicted`. */
export type ConfusionEntry = [label: number, predicted: number, count: number];

/** A group of samples with equal confidence intervals: mean confidence against accuracy. */
export interface CalibrationBin {
  readonly confidence: number;
  readonly accuracy: number;
  readonly count: number;
}

/** Statistics of predictions. Shares in [0, 1]. */
export interface PredictionStatistics {
  readonly samples: number;
  readonly accuracy: number;
  /** 95 % confidence interval of the accuracy. */
  readonly interval: [low: number, high: number];
  readonly perClass: ClassStatistics[];
  /** The entries of the confusion matrix that aren't 0, by label, then by predicted class. */
  readonly confusion: ConfusionEntry[];
  readonly calibration: { readonly error: number; readonly bins: CalibrationBin[] };
}

const CALIBRATION_BINS = 15;

/** Compares predictions with labels. @param classes number of classes */
export function predictionStatistics(
  { classes: predicted, confidence }: ClassPredictions,
  labels: ArrayLike<number>,
  classes: number,
): PredictionStatistics {
  const confusion = confusionEntries(predicted, labels, classes);
  const hits = confusion.reduce((sum, [label, guess, count]) => sum + (label === guess ? count : 0), 0);
  return {
    samples: predicted.length,
    accuracy: predicted.length === 0 ? 0 : hits / predicted.length,
    interval: shareInterval(hits, predicted.length),
    perClass: classStatistics(confusion, classes),
    confusion,
    calibration: calibration(predicted, confidence, labels),
  };
}

function confusionEntries(predicted: Uint16Array, labels: ArrayLike<number>, classes: number): ConfusionEntry[] {
  const counts = new Map<number, number>();
  predicted.forEach((guess, sample) => {
    const cell = labels[sample] * classes + guess;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  });
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([cell, count]) => [Math.floor(cell / classes), cell % classes, count]);
}

function classStatistics(confusion: readonly ConfusionEntry[], classes: number): ClassStatistics[] {
  const [labelled, predicted, right] = [0, 1, 2].map(() => new Float64Array(classes));
  for (const [label, guess, count] of confusion) {
    labelled[label] += count;
    predicted[guess] += count;
    if (label === guess) right[label] += count;
  }
  return Array.from({ length: classes }, (_, i) => ({
    precision: predicted[i] === 0 ? null : right[i] / predicted[i],
    recall: labelled[i] === 0 ? null : right[i] / labelled[i],
    count: labelled[i],
  }));
}

/**
 * Reliability diagram and expected calibration error (Guo et al. 2017, arXiv 1706.04599): samples are grouped into bins of
 * equal width by confidence; the error is the mean of |accuracy - confidence| over the bins, weighted with their counts.
 */
function calibration(predicted: Uint16Array, confidence: Float64Array, labels: ArrayLike<number>) {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, hits: 0, count: 0 }));
  predicted.forEach((guess, sample) => {
    const bin = bins[Math.min(CALIBRATION_BINS - 1, Math.floor(confidence[sample] * CALIBRATION_BINS))];
    bin.confidence += confidence[sample];
    bin.hits += guess === labels[sample] ? 1 : 0;
    bin.count++;
  });
  const used = bins.filter(({ count }) => count > 0);
  const gap = used.reduce((sum, bin) => sum + Math.abs(bin.hits - bin.confidence), 0);
  return {
    error: predicted.length === 0 ? 0 : gap / predicted.length,
    bins: used.map((bin) => ({
      confidence: bin.confidence / bin.count,
      accuracy: bin.hits / bin.count,
      count: bin.count,
    })),
  };
}

/** The most frequent mistakes, most frequent first. */
export function topConfusions(confusion: readonly ConfusionEntry[], most: number): ConfusionEntry[] {
  return confusion
    .filter(([label, predicted]) => label !== predicted)
    .sort((a, b) => b[2] - a[2])
    .slice(0, most);
}
