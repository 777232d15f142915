import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder } from '../base/files.js';
import { writeAblationReport } from '../report/write-ablation.js';
import {
  type Ablation,
  type AblationRow,
  isTrainedRow,
  readAblation,
  rowOfFailed,
  rowOfTrained,
  writeAblation,
} from '../run/ablation.js';
import { flagsFor, shellQuoted } from '../run/command-line.js';
import type { Config } from '../run/config.js';
import { BASE, openVariant, readGrid, type Variant } from '../run/grid.js';
import { openRun, type Run } from '../run/run-directory.js';
import { itemsOf, type Shard } from '../run/shard.js';
import { Diverged } from '../train/reports.js';
import { requireTrainable } from './check-variants.js';
import { withClassNames } from './new-run.js';
import type { DataOptions } from './run-data.js';
import { type TrainingEvents, trainRun } from './train-run.js';

export interface AblateOptions extends DataOptions, TrainingEvents {
  /** Folder of the runs and their comparison. */
  readonly out: string;
  /** Options that override those of the grid's base. */
  readonly options?: Partial<Config>;
  /** Train only this part of the grid. Only a part with the base has a report; `mergeAblations` combines the parts. */
  readonly shard?: Shard;
  /** Path of the Python of engine pytorch. */
  readonly python?: string;
  /** Called for every row, also for those that were trained before; `index` counts from 0. */
  readonly onRow?: (row: AblationRow, index: number, count: number) => void;
}

/**
 * Trains a grid of changes to a recipe and compares their validation accuracy. Each variant is a run in `out`, where
 * `ablation.json`, `.md`, `.svg` and `.png` compare them with the base. Called again, it continues where it stopped.
 *
 * @param grid path of the grid file
 * @throws UserError if the grid or an option is wrong; the signal's reason if it interrupts a training
 */
export async function ablate(grid: string, options: AblateOptions): Promise<AblationRow[]> {
  const { out, dataDir, python, signal, onRow } = options;
  const given = { ...options.options, dataDir };
  const grids = readGrid(grid, given);
  const variants = (options.shard ? itemsOf(grids, options.shard) : grids).map((variant) => ({
    ...variant,
    config: withClassNames(variant.config),
  }));
  const [first] = variants;
  if (!first) {
    throw new UserError(
      `--shard: expected at most ${grids.length} shards, one for each run, found ${options.shard?.of}`,
    );
  }
  const plans = variants.map((variant) => planOf(variant, out));
  const untrained = plans.filter(({ run }) => !run).map(({ variant }) => variant);
  await requireTrainable(untrained, { dataDir, python, onProgress: options.onProgress, onNote: options.onNote });
  makeFolder(out);

  const shard = options.shard ? ` --shard ${options.shard.index}/${options.shard.of}` : '';
  const command = `lcdnn ablate ${[shellQuoted(grid), flagsFor(given)].join(' ').trim()}${shard} --out ${shellQuoted(out)}`;
  const { network, dataset } = first.config;
  const rows = finishedRows(plans, readAblation(out));
  const inOrder = () => variants.flatMap(({ name }) => rows.get(name) ?? []);
  const write = async () => {
    const table = { title: `Ablation: ${network} on ${dataset}`, command, rows: inOrder() };
    // Every other row is compared with the base.
    if (first.name === BASE) await writeAblationReport(out, table);
    else writeAblation(out, table);
  };
  if (rows.size === variants.length) await write();
  for (const [i, plan] of plans.entries()) {
    const { name } = plan.variant;
    if (!rows.has(name)) signal?.throwIfAborted();
    const row = rows.get(name) ?? (await trainRow(plan, options));
    if (!row) {
      signal?.throwIfAborted();
      throw new Error(`${plan.path}: trained, but its last epoch isn't recorded`);
    }
    if (!rows.has(name)) {
      rows.set(name, row);
      await write();
    }
    onRow?.(row, i, variants.length);
  }
  return inOrder();
}

/** A variant, the folder it is trained in, and its run if that exists. */
interface Plan {
  readonly variant: Variant;
  readonly path: string;
  readonly command: string;
  readonly run: Run | undefined;
}

function planOf(variant: Variant, out: string): Plan {
  const path = join(out, variant.name);
  // No flag sets stages; a run's config is a recipe, too.
  const options = variant.given.stages ? `--recipe ${shellQuoted(join(path, 'config.json'))}` : flagsFor(variant.given);
  const again = variant.given.stages ? `${path}-again` : path;
  const command = `lcdnn train ${options} --out ${shellQuoted(again)}`;
  return { variant, path, command, run: openVariant(path, variant) };
}

/** Trains a variant. Undefined if the signal interrupted it. */
async function trainRow(
  { variant, path, command, run: resumed }: Plan,
  { python, ...options }: AblateOptions,
): Promise<AblationRow | undefined> {
  try {
    const { config } = variant;
    const { run, interrupted } = await trainRun({ ...options, path, config, resumed, pytorch: { python } });
    return interrupted ? undefined : rowOfTrained(variant, run, command);
  } catch (thrown) {
    // Without a base there is nothing to compare with.
    if (!(thrown instanceof Diverged) || variant.name === BASE) throw thrown;
    return rowOfFailed(variant, openRun(path), command, thrown.reason);
  }
}

/** Rows of the variants that need no more training: finished, or recorded as diverged. */
function finishedRows(plans: readonly Plan[], recorded: Ablation | undefined): Map<string, AblationRow> {
  const rows = new Map<string, AblationRow>();
  for (const { variant, command, run } of plans) {
    if (!run) continue;
    const before = recorded?.rows.find(({ name }) => name === variant.name);
    const row =
      before && !isTrainedRow(before)
        ? rowOfFailed(variant, run, command, before.failed)
        : rowOfTrained(variant, run, command);
    if (row) rows.set(variant.name, row);
  }
  return rows;
}
