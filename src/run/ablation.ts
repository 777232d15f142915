import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { writeFileAtomic } from '../base/files.js';
import { readJson } from '../base/json.js';
import { networkCost } from '../network/cost.js';
import type { Variant } from './grid.js';
import { bestEpoch, isComplete } from './patience.js';
import { type Run, readMetrics, readRunCheckpoint } from './run-directory.js';
import { shownAccuracies } from './shown-accuracies.js';
import { currentStage } from './stages.js';

const share = z.number().min(0).max(1);

const described = {
  name: z.string(),
  /** Options that differ from the base. */
  changes: z.record(z.string(), z.unknown()),
  seed: z.int(),
  epochs: z.int(),
  /** Bytes that the device downloads (conv1 and the branch), before compression. */
  deviceBytes: z.int(),
  /** The `lcdnn train` command for this row. */
  command: z.string(),
};

export const doneSchema = z.strictObject({
  ...described,
  /** Accuracies on the validation images after the last epoch. */
  fullAccuracy: share,
  branchAccuracy: share,
  /** Training losses, means over the last epoch. */
  fullLoss: z.number(),
  branchLoss: z.number(),
  /** Total time of the training steps. */
  seconds: z.number(),
  imagesPerSecond: z.number(),
});

export const failedSchema = z.strictObject({ ...described, /** Why training ended early. */ failed: z.string() });

const ablationSchema = z.strictObject({
  title: z.string(),
  /** The `lcdnn ablate` command for the table. */
  command: z.string(),
  /** The base is the first row. */
  rows: z.array(z.union([doneSchema, failedSchema])).min(1),
});

export type TrainedRow = Readonly<z.infer<typeof doneSchema>>;
export type FailedRow = Readonly<z.infer<typeof failedSchema>>;
export type AblationRow = TrainedRow | FailedRow;
export type Ablation = Readonly<z.infer<typeof ablationSchema>>;

export const isTrainedRow = (row: AblationRow): row is TrainedRow => !('failed' in row);

const fileOf = (folder: string): string => join(folder, 'ablation.json');

/** The table of an ablation so far; undefined before its first row. @throws UserError if the file is invalid */
export function readAblation(folder: string): Ablation | undefined {
  const path = fileOf(folder);
  if (!existsSync(path)) return undefined;
  return readJson(path, ablationSchema, 'what "lcdnn ablate" writes', 'remove it and run the command again');
}

export function writeAblation(folder: string, ablation: Ablation): void {
  writeFileAtomic(fileOf(folder), `${JSON.stringify(ablation, null, 1)}\n`);
}

/** The row of a run that was trained to its last epoch; otherwise undefined. */
export function rowOfTrained(variant: Variant, run: Run, command: string): TrainedRow | undefined {
  const metrics = readMetrics(run);
  const last = bestEpoch(run.config.keep === 'best' ? metrics : metrics.slice(-1));
  const trained = metrics.at(-1)?.epoch ?? 0;
  if (!last || !isComplete(run.config, metrics)) return undefined;
  const { on, fullAccuracy, branchAccuracy } = shownAccuracies(last);
  if (on === 'training') {
    throw new UserError(`${run.path}: expected validation images, which variants are compared on, found validation 0`);
  }
  const { progress } = readRunCheckpoint(run);
  const { config, epochsBefore = 0 } = currentStage(run, progress);
  if (epochsBefore + progress.epoch !== trained) return undefined; // killed between the last metrics and the last checkpoint
  const imagesPerEpoch = (progress.totalSteps / progress.epoch) * config.batchSize;
  // An epoch that was interrupted after its last step recorded no rate.
  const rates = metrics.map(({ imagesPerSecond }) => imagesPerSecond).filter((rate) => rate > 0);
  const perImage = rates.reduce((sum, rate) => sum + 1 / rate, 0) / Math.max(1, rates.length);
  return {
    ...describe(variant, run, command),
    fullAccuracy,
    branchAccuracy,
    fullLoss: last.fullLoss,
    branchLoss: last.branchLoss,
    seconds: perImage * imagesPerEpoch * trained,
    imagesPerSecond: perImage > 0 ? 1 / perImage : 0,
  };
}

export function rowOfFailed(variant: Variant, run: Run, command: string, failed: string): FailedRow {
  return { ...describe(variant, run, command), failed };
}

function describe({ name, changes, config }: Variant, { network }: Run, command: string) {
  const { seed, epochs } = config;
  return {
    name,
    changes,
    seed,
    epochs,
    deviceBytes: networkCost(network).device.bytes,
    command,
  };
}
