import { closeSync, existsSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { makeFolder, writeFileAtomic } from '../../base/files.js';
import { encodeSafetensors, type StoredTensor } from '../../base/safetensors.js';
import type { Dataset } from '../../datasets/dataset.js';
import { networkCost } from '../../network/cost.js';
import { networkParameters } from '../../network/parameters.js';
import type { Config } from '../../run/config.js';
import { type Run, runFile } from '../../run/run-directory.js';
import type { TrainingStage } from '../../run/stages.js';
import { splitByConfig } from '../split-by-config.js';
import { classWeightsOf } from '../targets.js';
import { epochPlan, integers } from './epoch-plan.js';

/** Files of a job. Their folder is in the run directory, so the other machines of a cluster see it. */
const FILES = {
  job: 'job.json',
  tables: 'tables.safetensors',
  pixels: 'pixels',
  stop: 'stop',
} as const;

export type Precision = 'float32' | 'bfloat16';

/** The precision that `auto` selects on a device. */
export function chosenPrecision(precision: Config['precision'], hasBfloat16 = false): Precision {
  if (precision !== 'auto') return precision;
  return hasBfloat16 ? 'bfloat16' : 'float32';
}

/** A folder with the input of the trainer in `python/lcdnn_torch`; its counterpart there is `Job`. */
export interface Job {
  readonly folder: string;
  readonly stepsPerEpoch: number;
  readonly validationImages: number;
  /** Writes everything that is drawn or scheduled for an epoch. */
  writePlan(epoch: number): void;
  /** Removes the plan after the epoch. */
  removePlan(epoch: number): void;
  /** Tells the trainer to save a checkpoint and end. */
  requestStop(): void;
  remove(): void;
}

export const jobFolder = (run: Pick<Run, 'path'>): string => join(run.path, '.pytorch');

/**
 * Writes a job: network, options, images and their splits. Images in memory are written once; packed images are read
 * from their own file.
 *
 * @throws UserError if the images are separate files: they must be packed first (`cache`)
 */
export function writeJob(run: TrainingStage<Run>, dataset: Dataset, device: string, precision: Precision): Job {
  const { config, network, epochsBefore } = run;
  const folder = jobFolder(run);
  rmSync(folder, { recursive: true, force: true });
  makeFolder(folder);
  const places = splitByConfig(dataset.train, config);
  const { pixels, labels } = dataset.train;
  const tables: Record<string, StoredTensor> = {
    labels: integers([labels.length], Int32Array.from(labels)),
    validation: integers([places.choosing.length], places.choosing),
    ...(pixels.in === 'packed' ? { records: integers([pixels.records.length], pixels.records) } : {}),
  };
  writeFileAtomic(join(folder, FILES.tables), encodeSafetensors({ tensors: tables, metadata: {} }));
  const stepsPerEpoch = Math.floor(places.train.length / config.batchSize);
  const { shape, stored, mean, std } = dataset;
  const job = {
    format: 'lcdnn-job-1',
    network,
    config,
    parameters: networkParameters(network).map(({ name, shape: size, role }) => ({ name, shape: size, role })),
    device,
    precision,
    checkpoint: runFile(run, 'checkpoint'),
    stepsPerEpoch,
    compiles: compiles(run, stepsPerEpoch * config.batchSize),
    loaders: Math.max(1, availableParallelism() - 1),
    classWeights: classWeightsOf(config, dataset.train.labels, places.train, network.classes),
    images: { path: pixelsPath(dataset, folder), shape, stored, mean, std },
  };
  // Recalibration reads the plan after the last epoch's.
  const plans = config.epochs + (config.recalibration > 0 ? 1 : 0);
  const planPath = (epoch: number): string => join(folder, `plan-${epoch}.safetensors`);
  const written: Job = {
    folder,
    stepsPerEpoch,
    validationImages: places.choosing.length,
    writePlan(epoch) {
      if (epoch >= plans || existsSync(planPath(epoch))) return;
      const tensors = epochPlan(config, dataset, places.train, epoch, epochsBefore);
      writeFileAtomic(planPath(epoch), encodeSafetensors({ tensors, metadata: {} }));
    },
    removePlan: (epoch) => rmSync(planPath(epoch), { force: true }),
    requestStop: () => writeFileSync(join(folder, FILES.stop), ''),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  // Written last: other machines read the job as soon as this file exists.
  writeFileAtomic(join(folder, FILES.job), JSON.stringify(job));
  return written;
}

/** Compiling takes a minute or two, so runs with fewer multiplications than this don't compile. */
const WORTH_COMPILING = 2e13;
/** One forward pass, and two products in the backward pass. */
const PASSES = 3;

/** Whether PyTorch compiles the step. Depends only on the run, so that a resumed run computes in the same way. */
function compiles({ config, network }: Run, imagesPerEpoch: number): boolean {
  if (config.compile !== 'auto') return config.compile === 'on';
  const { layers } = networkCost(network);
  const perImage = layers.reduce((sum, { macs, binaryOps }) => sum + macs + binaryOps, 0);
  return PASSES * perImage * imagesPerEpoch * config.epochs > WORTH_COMPILING;
}

function pixelsPath({ train: { pixels } }: Dataset, folder: string): string {
  switch (pixels.in) {
    case 'packed':
      return pixels.path;
    case 'memory': {
      const path = join(folder, FILES.pixels);
      const file = openSync(path, 'wx');
      for (let at = 0; at < pixels.bytes.length; ) at += writeSync(file, pixels.bytes, at);
      closeSync(file);
      return path;
    }
    case 'images':
      throw new UserError('engine pytorch: expected packed images, found files; give --cache');
  }
}
