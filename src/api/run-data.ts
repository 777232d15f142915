import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.js';
import { makeFolder } from '../base/files.js';
import type { Dataset, Split } from '../datasets/dataset.js';
import type { Progress } from '../datasets/fetch.js';
import { type LoadOptions, loadDataset } from '../datasets/load-dataset.js';
import { withNormalisation } from '../datasets/normalisation.js';
import { splitRuleOf, splitTrainValidation } from '../datasets/split.js';
import type { JointNetwork } from '../network/layers.js';
import type { Config } from '../run/config.js';
import { type DataRecord, type RecordedImage, readDataRecord, writeDataRecord } from '../run/data-record.js';
import { createRun, type Run, runExists } from '../run/run-directory.js';
import { type DataChanges, dataChanges } from './data-changes.js';

/** Where a data set's files are, and who is told while it is downloaded, checked and read. */
export interface DataOptions {
  /** Folder of the data set's files. By default the folder the run was trained from, or the usual places. */
  readonly dataDir?: string;
  /** Continue if image files were changed, added or removed since training. */
  readonly acceptChangedData?: boolean;
  /** Called often: bytes of a download, or images of a folder that is checked. */
  readonly onProgress?: (progress: Progress) => void;
  /** Called with a sentence worth showing to a person, for example about images that were left out. */
  readonly onNote?: (line: string) => void;
}

/** Data of a run, and how they differ from those it was trained on. */
export interface RunData {
  readonly dataset: Dataset;
  readonly changes?: DataChanges;
}

/** Opens data for a new run. */
export function loadNewData(config: Config, options: DataOptions = {}): Promise<Dataset> {
  return load(config, options, { splitRule: 'content' });
}

/**
 * Opens the data of a run: from `dataDir`, or else from the folder it was trained from if that still exists. Images that
 * the run knows keep their split. Runs of lcdnn 0.1 have no record of their data; their splits follow from positions.
 *
 * @throws UserError if class names or their order changed, or files, unless that is accepted
 */
export async function loadRunData(run: Run, options: DataOptions = {}): Promise<RunData> {
  const record = readDataRecord(run);
  const recorded = record?.files && new Map(record.files.map(([, hash, , split]) => [hash, split]));
  const dataset = await load(run.config, options, { splitRule: record?.splitRule ?? 'position', recorded });
  if (!record) return { dataset };
  requireSameClasses(run, record.classes, dataset.labels);
  const changes = dataChanges(record, dataRecord(dataset, run.config));
  if (!changes) return { dataset };
  if (options.acceptChangedData) {
    options.onNote?.(`${run.path}: its data have changed since training: ${changes.text}`);
    return { dataset, changes };
  }
  throw new UserError(
    `${run.path}: expected the data that it was trained on, found changes: ${changes.text}. Restore the files, or give ` +
      '--accept-changed-data to continue with them as they are',
  );
}

/** Starts a run directory that records its data. @throws UserError as `createRun` does */
export function createRecordedRun(path: string, config: Config, network: JointNetwork, dataset: Dataset): Run {
  // First, so that no run exists without its record.
  if (!runExists(path)) {
    makeFolder(path);
    writeDataRecord({ path }, dataRecord(dataset, config));
  }
  return createRun(path, config, network);
}

/** What a run records of its data. */
export function dataRecord(dataset: Dataset, { dataset: name, validation, seed }: Config): DataRecord {
  const { train, test, labels, folder } = dataset;
  const parts = splitTrainValidation(train, validation, seed);
  const isValidation = new Set(parts.validation);
  const files = folder && [
    ...recorded(train, folder.train, (i) => (isValidation.has(i) ? 'validation' : 'train')),
    ...recorded(test, folder.test, () => 'test'),
  ];
  return {
    version: 1,
    dataset: name,
    classes: [...labels],
    splitRule: splitRuleOf(train),
    images: { train: parts.train.length, validation: parts.validation.length, test: test.count },
    fingerprint: files ? fingerprintOf(files) : contentFingerprint([train, test]),
    ...(files ? { files } : {}),
  };
}

function recorded(
  { hashes = [], labels }: Split,
  images: readonly { readonly file: string }[],
  splitOf: (index: number) => RecordedImage[3],
): RecordedImage[] {
  return images.map(({ file }, i) => [file, hashes[i] ?? '', labels[i], splitOf(i)]);
}

/** Independent of file names and of the assignment to train and validation, which the seed decides. */
function fingerprintOf(files: readonly RecordedImage[]): string {
  const lines = files.map(([, hash, label, split]) => `${hash} ${label} ${split === 'test' ? 'test' : 'train'}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function contentFingerprint(splits: readonly Split[]): string {
  const hash = createHash('sha256');
  for (const { labels, pixels } of splits) {
    hash.update(labels);
    if (pixels.in === 'memory') hash.update(pixels.bytes);
  }
  return hash.digest('hex');
}

function requireSameClasses(run: Run, expected: readonly string[], names: readonly string[]): void {
  if (expected.join('\n') === names.join('\n')) return;
  const missing = expected.filter((name) => !names.includes(name));
  const added = names.filter((name) => !expected.includes(name));
  const differences = [
    ...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
    ...(added.length > 0 ? [`new: ${added.join(', ')}`] : []),
    ...(missing.length + added.length === 0 ? [`in another order: ${names.join(', ')}`] : []),
  ];
  throw new UserError(
    `${run.path}: expected the classes that it was trained with (${expected.join(', ')}), found others ` +
      `(${differences.join('; ')}); give the classes their old names, or train a new run`,
  );
}

async function load(
  config: Config,
  { dataDir, onProgress, onNote }: DataOptions,
  splits: Pick<LoadOptions, 'splitRule' | 'recorded'>,
): Promise<Dataset> {
  const { dataset, dataDir: trainedFrom, imageSize, resize, classes, strict, cache } = config;
  const remembered = trainedFrom !== undefined && existsSync(trainedFrom) ? trainedFrom : undefined;
  const loaded = await loadDataset(dataset, {
    ...{ dataDir: dataDir ?? remembered, imageSize, resize, classes, strict, cache },
    ...{ onProgress, onNote, ...splits },
  });
  return withNormalisation(loaded, config);
}
