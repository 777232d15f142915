import { join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { requireTrainable } from '../api/check-variants.js';
import { withClassNames } from '../api/class-names.js';
import { trainRun } from '../api/train-run.js';
import { makeFolder } from '../base/files.js';
import { percent, table } from '../base/format.js';
import { configFlags, givenConfig } from '../cli/config-flags.js';
import { pythonFlag } from '../cli/python-flag.js';
import { createTrainingDisplay } from '../cli/training-display.js';
import { ablationCells, describeChanges, NUMBER_COLUMNS } from '../report/ablation-table.js';
import { writeAblationReport } from '../report/write-ablation.js';
import { writeReport } from '../report/write-report.js';
import {
  type Ablation,
  type AblationRow,
  isTrainedRow,
  readAblation,
  rowOfFailed,
  rowOfTrained,
} from '../run/ablation.js';
import { flagsFor, shellQuoted } from '../run/command-line.js';
import { BASE, openVariant, readGrid, type Variant } from '../run/grid.js';
import { openRun, type Run } from '../run/run-directory.js';
import { Diverged } from '../train/reports.js';
import { LcdnnCommand } from './base-command.js';

export default class Ablate extends LcdnnCommand {
  static override summary = 'Train a grid of changes to a recipe, and compare their validation accuracy.';
  static override description =
    'The grid file is { "base": { OPTIONS }, "variants": { "NAME": { OPTIONS }, ... } }, with options named as in a recipe ' +
    '("lcdnn recipes NAME"). Each variant is a run directory in --out; ablation.json, .md, .svg and .png compare them ' +
    'with the base. Flags override the base; a variant overrides both. ' +
    'Ctrl-C saves a checkpoint and exits with 130; the same command goes on where it stopped. The test split is never read.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> bench/ablation/lenet-fashion-mnist.json --out ablations/lenet',
    '<%= config.bin %> <%= command.id %> bench/ablation/lenet-fashion-mnist.json --dataset fashion-mnist-sample --epochs 1 --out ablations/trial',
    '<%= config.bin %> <%= command.id %> bench/ablation/resnet18-cifar10.json --seed 2 --out ablations/resnet18-seed-2',
  ];
  static override args = { grid: Args.string({ required: true, description: 'Grid file (JSON).' }) };
  static override flags = {
    out: Flags.string({ summary: 'Folder of the runs and their comparison.', required: true }),
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set; the runs remember it.' }),
    python: pythonFlag,
    ...configFlags(['dataset', 'epochs', 'seed', 'engine'], 'what the grid says'),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Ablate);
    const dataDir = flags['data-dir'] && resolve(flags['data-dir']);
    const given = { ...givenConfig(flags), dataDir };
    const variants = readGrid(args.grid, given).map((variant) => ({
      ...variant,
      config: withClassNames(variant.config),
    }));
    const plans = variants.map((variant) => this.plan(variant, flags.out));
    await requireTrainable(
      plans.filter(({ run }) => !run).map(({ variant }) => variant),
      dataDir,
      flags.python,
    );
    makeFolder(flags.out);

    const command = `lcdnn ablate ${[shellQuoted(args.grid), flagsFor(given)].join(' ').trim()} --out ${shellQuoted(flags.out)}`;
    const { network, dataset } = variants[0].config;
    const rows = finishedRows(plans, readAblation(flags.out));
    const inOrder = () => variants.flatMap(({ name }) => rows.get(name) ?? []);
    const write = () =>
      writeAblationReport(flags.out, { title: `Ablation: ${network} on ${dataset}`, command, rows: inOrder() });
    if (rows.size === variants.length) await write();
    for (const [i, plan] of plans.entries()) {
      const { name } = plan.variant;
      const row = rows.get(name) ?? (await this.train(plan, dataDir, flags.python));
      if (!rows.has(name)) {
        rows.set(name, row);
        await write();
      }
      this.log(`${i + 1}/${variants.length} ${sentence(row)}`);
    }
    this.log(`\n${table(ablationCells(inOrder()), NUMBER_COLUMNS)}\n\ndone: ${join(flags.out, 'ablation.md')}`);
    return { out: resolve(flags.out), rows: inOrder() };
  }

  private plan(variant: Variant, out: string): Plan {
    const path = join(out, variant.name);
    const command = `lcdnn train ${flagsFor(variant.given)} --out ${shellQuoted(path)}`;
    return { variant, path, command, run: openVariant(path, variant) };
  }

  /** Trains a variant to its row; exits where it is interrupted. */
  private async train(
    { variant, path, command, run: resumed }: Plan,
    dataDir: string | undefined,
    python: string | undefined,
  ): Promise<AblationRow> {
    const display = createTrainingDisplay(this.jsonEnabled());
    try {
      const { run, exitCode } = await trainRun({
        path,
        config: variant.config,
        resumed,
        dataDir,
        display,
        pytorch: { python },
      });
      writeReport(run);
      if (exitCode !== undefined) this.exit(exitCode);
      const row = rowOfTrained(variant, run, command);
      if (row) return row;
      throw new Error(`${path}: trained, but its last epoch is not recorded`);
    } catch (thrown) {
      // Without a base there is nothing to compare with.
      if (!(thrown instanceof Diverged) || variant.name === BASE) throw thrown;
      return rowOfFailed(variant, openRun(path), command, thrown.reason);
    }
  }
}

/** A variant, where it is trained, and its run if that was begun. */
interface Plan {
  readonly variant: Variant;
  readonly path: string;
  readonly command: string;
  readonly run: Run | undefined;
}

/** Rows of the variants that need no training any more: done, or recorded as diverged. */
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

function sentence(row: AblationRow): string {
  const name = row.name === BASE ? BASE : `${row.name} (${describeChanges(row.changes)})`;
  if (!isTrainedRow(row)) return `${name}: ${row.failed}`;
  return `${name}: branch ${percent(row.branchAccuracy)}, full ${percent(row.fullAccuracy)}`;
}
