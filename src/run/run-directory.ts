import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { numbered } from '../base/exits.js';
import { makeFolder, readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { refuseNewerFormat } from '../base/format-version.js';
import { parseJson, readJson } from '../base/json.js';
import { jointNetwork, parseBranch } from '../network/branch.js';
import type { JointNetwork, Layer } from '../network/layers.js';
import { createNetwork } from '../network/zoo/index.js';
import { type Checkpoint, readCheckpoint } from './checkpoint.js';
import { type Config, readConfig } from './config.js';

/** Format of the files in a run directory, in its config. Runs of lcdnn 0.1 don't have the number; they are read as 1. */
const RUN_FORMAT = 1;

/** Files of a run directory. */
const FILES = {
  config: 'config.json',
  network: 'network.json',
  checkpoint: 'checkpoint.safetensors',
  ranges: 'ranges.json',
  best: 'best.safetensors',
  metrics: 'metrics.jsonl',
  metricsTable: 'metrics.csv',
  data: 'data.json',
  images: 'images.jsonl.gz',
  tau: 'tau.json',
  tauSvg: 'tau.svg',
  tauPng: 'tau.png',
  test: 'test.json',
  gallery: 'gallery.json',
  unknown: 'unknown.json',
  report: 'report.html',
  lock: 'train.lock',
} as const;

/** On the validation images; absent in a run that keeps none. */
const accuracy = z.number().optional();

/** One line of `metrics.jsonl`. Accuracies are shares in [0, 1]; validation accuracies use running statistics. */
export const epochSchema = z.strictObject({
  /** From 1; counts through all stages. */
  epoch: z.int().positive(),
  /** The stage that it belongs to, from 0; absent in a run that has none. */
  stage: z.int().nonnegative().optional(),
  fullLoss: z.number(),
  branchLoss: z.number(),
  trainFullAccuracy: z.number(),
  trainBranchAccuracy: z.number(),
  fullAccuracy: accuracy,
  branchAccuracy: accuracy,
  lr: z.number(),
  imagesPerSecond: z.number(),
  /** Share of the training time spent waiting for images. Missing in runs of older versions. */
  loadingShare: z.number().optional(),
  further: z
    .array(z.strictObject({ branchLoss: z.number(), trainBranchAccuracy: z.number(), branchAccuracy: accuracy }))
    .optional(),
});

export type EpochMetrics = Readonly<z.infer<typeof epochSchema>>;

/** The part of `network.json` that can't be derived from the zoo. */
const size = z.int().positive();
const storedNetwork = z.looseObject({ input: z.tuple([size, size, size]), classes: size });

/** A run on disk: the input of every stage after `train`. */
export interface Run {
  readonly path: string;
  readonly config: Config;
  readonly network: JointNetwork;
}

/** Path of a file in a run. @param exit index of the exit, for files that exist once per exit: `tau.svg`, `tau2.svg`, ... */
export function runFile(run: Pick<Run, 'path'>, file: keyof typeof FILES, exit = 0): string {
  const [name, extension] = FILES[file].split('.');
  return join(run.path, `${numbered(name, exit)}.${extension}`);
}

/** The network described by a config, for images of this shape. */
export function networkOf(config: Config, input: JointNetwork['input'], classes: number): JointNetwork {
  const branch = parseBranch(config.branch);
  const { layers, network, width, form } = config;
  if (!layers) return createNetwork(network, input, classes, { ...config, branch });
  if (width !== 1 || form !== 'auto') {
    throw new UserError(
      `${network}: expected width 1 and form auto, because its layers were read from a graph, found ${width} and ${form}`,
    );
  }
  return jointNetwork(network, input, classes, forClasses(layers, classes), { ...config, branch });
}

/** The layers with a last one for this number of classes. */
function forClasses(layers: readonly Layer[], classes: number): Layer[] {
  const last = layers[layers.length - 1];
  return last.type === 'dense' ? [...layers.slice(0, -1), { ...last, units: classes }] : [...layers];
}

/**
 * Creates a run directory with its config and network.
 *
 * @throws UserError if the folder already contains a run or can't be written
 */
export function createRun(path: string, config: Config, network: JointNetwork): Run {
  const run = { path: resolve(path), config, network };
  if (runExists(path)) {
    throw new UserError(`${path}: already contains a run; continue it with --resume ${path}, or choose another --out`);
  }
  makeFolder(run.path);
  writeFileAtomic(runFile(run, 'network'), `${JSON.stringify(network, null, 2)}\n`);
  writeConfig(run);
  return run;
}

export function writeConfig(run: Pick<Run, 'path' | 'config'>): void {
  writeFileAtomic(runFile(run, 'config'), `${JSON.stringify({ format: RUN_FORMAT, ...run.config }, null, 2)}\n`);
}

/** Whether this folder contains a run. */
export const runExists = (path: string): boolean => existsSync(runFile({ path }, 'config'));

/** Opens a run directory. @throws UserError if it is missing or damaged */
export function openRun(path: string): Run {
  const run = { path: resolve(path) };
  const origin = runFile(run, 'config');
  if (!existsSync(origin)) {
    throw new UserError(
      `${path}: expected a run directory with a config.json, found none; create one with "lcdnn train"`,
    );
  }
  const written = readJson(origin, z.unknown(), 'the config of a run');
  refuseNewerFormat(written, RUN_FORMAT, origin, 'the config of a run');
  const config = readConfig(written, origin);
  // The layer list is rebuilt from the zoo. If the file differs, another version of lcdnn wrote it.
  const stored = readJson(runFile(run, 'network'), storedNetwork, 'the network of a run');
  const network = networkOf(config, stored.input, stored.classes);
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(network)), stored)) {
    throw new UserError(
      `${runFile(run, 'network')}: expected network ${network.name} as this version of lcdnn builds it, found a different one; ` +
        'train it again, or use the version that wrote it',
    );
  }
  return { ...run, config, network };
}

/** Checks that a run's network fits the images of its data set. @throws UserError if it doesn't */
export function requireFitting(
  run: Run,
  { shape, labels }: { shape: readonly number[]; labels: readonly string[] },
): void {
  const { input, classes } = run.network;
  if (input.join() === shape.join() && classes === labels.length) return;
  throw new UserError(
    `${run.path}: expected a network for the images of ${run.config.dataset} (${shape.join('x')}, ${labels.length} ` +
      `classes), found one for ${input.join('x')} and ${classes}; its config.json or network.json was changed`,
  );
}

/** The run's checkpoint. @throws UserError if it doesn't exist yet or is damaged */
export function readRunCheckpoint(run: Run): Checkpoint {
  const path = runFile(run, 'checkpoint');
  if (!existsSync(path))
    throw new UserError(`${path}: no checkpoint yet; "lcdnn train --resume ${run.path}" writes one`);
  return readCheckpoint(path, run.network);
}

/** The weights that a run keeps: of its best epoch if it chooses one, else its checkpoint. @throws UserError */
export function readKeptCheckpoint(run: Run): Checkpoint {
  const best = runFile(run, 'best');
  return run.config.keep === 'best' && existsSync(best) ? readCheckpoint(best, run.network) : readRunCheckpoint(run);
}

/** The metrics of the epochs so far. @throws UserError if a line is invalid */
export function readMetrics(run: Run): EpochMetrics[] {
  const path = runFile(run, 'metrics');
  if (!existsSync(path)) return [];
  const lines = readFileOrExplain(path, 'the metrics of a run').toString('utf8').split('\n');
  return lines.flatMap((line, i) =>
    line === ''
      ? []
      : [
          parseJson(
            line,
            epochSchema,
            `${path}, line ${i + 1}`,
            'the metrics of an epoch',
            'remove the file to go on without it',
          ),
        ],
  );
}

/** Writes the metrics of the epochs so far, as lines of JSON and as a table. */
export function writeMetrics(run: Run, metrics: readonly EpochMetrics[]): void {
  writeFileAtomic(runFile(run, 'metricsTable'), metricsTable(metrics));
  writeFileAtomic(runFile(run, 'metrics'), metrics.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Comma-separated values with a header; the columns of later exits are numbered: `branch2Accuracy`. */
function metricsTable(metrics: readonly EpochMetrics[]): string {
  const rows = metrics.map(({ further = [], ...line }) => ({
    ...line,
    ...Object.fromEntries(
      further.flatMap((exit, i) =>
        Object.entries(exit).map(([name, value]) => [name.replace(/branch/i, (part) => numbered(part, i + 1)), value]),
      ),
    ),
  }));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row: Readonly<Record<string, number | undefined>>) => columns.map((name) => row[name] ?? ''));
  return [columns, ...lines].map((cells) => `${cells.join(',')}\n`).join('');
}
