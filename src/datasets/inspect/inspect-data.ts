import type { Dataset, FolderImage } from '../dataset.js';
import { splitTrainValidation } from '../split.js';
import { adviceOn } from './advice.js';
import { findCopies } from './find-copies.js';
import type { DataReport, Sizes } from './report.js';

/** How a run splits the training images. */
export interface InspectOptions {
  readonly validation: number;
  readonly seed: number;
}

/** Counts, sizes, copies and problems of a data set, with advice. @throws UserError as `splitTrainValidation` does */
export async function inspectData(dataset: Dataset, { validation, seed }: InspectOptions): Promise<DataReport> {
  const { train, test, labels, folder, shape } = dataset;
  const parts = splitTrainValidation(train, validation, seed);
  const isValidation = new Set(parts.validation);
  const classes = labels.map((name) => ({ name, train: 0, validation: 0, test: 0 }));
  for (const [i, label] of train.labels.entries()) classes[label][isValidation.has(i) ? 'validation' : 'train']++;
  for (const label of test.labels) classes[label].test++;
  const report = {
    dataset: dataset.name,
    ...(folder ? { folder: folder.path, layout: folder.layout } : {}),
    images: { train: parts.train.length, validation: parts.validation.length, test: test.count },
    classes,
    ...(folder ? { sizes: sizesOf([...folder.train, ...folder.test], Math.min(shape[0], shape[1])) } : {}),
    ignored: folder?.ignored ?? [],
    broken: folder?.broken ?? [],
    contradicted: folder?.contradicted ?? [],
    copies: await findCopies(dataset, isValidation),
  };
  return { ...report, advice: adviceOn(report) };
}

function sizesOf(images: readonly FolderImage[], input: number): Sizes {
  const byArea = [...images].sort((a, b) => a.width * a.height - b.width * b.height);
  const sizeAt = (index: number) => [byArea[index].width, byArea[index].height] as const;
  return {
    smallest: sizeAt(0),
    median: sizeAt(Math.floor(byArea.length / 2)),
    largest: sizeAt(byArea.length - 1),
    blurred: images.filter(({ width, height }) => 2 * Math.min(width, height) < input).length,
  };
}
