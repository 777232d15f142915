import { join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { ablate } from '../api/ablate.js';
import { mergeAblations } from '../api/merge-ablations.js';
import { percent, table } from '../base/format.js';
import { configFlags, givenConfig } from '../cli/config-flags.js';
import { pythonFlag } from '../cli/pytorch-flags.js';
import { withTrainingDisplay } from '../cli/with-training-display.js';
import { ablationCells, NUMBER_COLUMNS } from '../report/ablation-table.js';
import { type AblationRow, isTrainedRow } from '../run/ablation.js';
import { BASE } from '../run/grid.js';
import { describeOptions } from '../run/option-text.js';
import { parseShard } from '../run/shard.js';
import { LcdnnCommand } from './base-command.js';

export default class Ablate extends LcdnnCommand {
  static override summary = 'Train a grid of changes to a recipe and compare their validation accuracy.';
  static override description =
    'The grid file is { "base": { OPTIONS }, "variants": { "NAME": { OPTIONS }, ... } }, with options named as in a recipe ' +
    '("lcdnn recipes NAME" lists them). If the base trains in stages, { "stages": { "full": { OPTIONS } } } changes those ' +
    'that train the full network. Each variant is trained as a run in --out, where ablation.json, .md, .svg and .png ' +
    'compare it with the base. Flags override the base; a variant overrides both. ' +
    'Ctrl-C saves a checkpoint and exits with 130; the same command continues where it stopped. The test split is never read.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> recipes/grids/lenet-fashion-mnist.json --out ablations/lenet',
    '<%= config.bin %> <%= command.id %> recipes/grids/lenet-fashion-mnist.json --dataset fashion-mnist-sample --epochs 1 --out ablations/trial',
    '<%= config.bin %> <%= command.id %> recipes/grids/lenet-fashion-mnist.json --shard 2/4 --out shards/2',
    '<%= config.bin %> <%= command.id %> recipes/grids/lenet-fashion-mnist.json --merge shards/1 --merge shards/2 --out ablations/lenet',
    '<%= config.bin %> <%= command.id %> recipes/grids/resnet18-cifar10.json --seed 2 --out ablations/resnet18-seed-2',
    '<%= config.bin %> <%= command.id %> branches.json --init-from runs/trained/checkpoint.safetensors --out ablations/branches',
  ];
  static override args = { grid: Args.string({ required: true, description: 'Grid file (JSON).' }) };
  static override flags = {
    out: Flags.string({ summary: 'Folder for the runs and their comparison.', required: true }),
    shard: Flags.string({
      summary: 'Train only part K of N of the grid, as 2/4: for jobs on several machines, each with its own --out.',
    }),
    merge: Flags.string({
      summary: 'Folder of a shard: combine the tables of all shards in --out instead of training. Repeatable.',
      multiple: true,
      multipleNonGreedy: true,
      exclusive: ['shard'],
    }),
    'data-dir': Flags.directory({ summary: 'Folder with the files of the data set. The runs remember it.' }),
    python: pythonFlag,
    ...configFlags(['dataset', 'epochs', 'seed', 'engine', 'precision', 'initFrom'], 'from the grid'),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Ablate);
    const { out, python } = flags;
    if (flags.merge) return this.finish(out, await mergeAblations(args.grid, flags.merge, out));
    const shard = flags.shard === undefined ? undefined : parseShard(flags.shard);
    const dataDir = flags['data-dir'] && resolve(flags['data-dir']);
    const onRow = (row: AblationRow, i: number, count: number): void =>
      this.log(`${i + 1}/${count} ${rowInWords(row)}`);
    const rows = await withTrainingDisplay(this, (shown) =>
      ablate(args.grid, { out, shard, dataDir, python, options: givenConfig(flags), onRow, ...shown }),
    );
    return this.finish(out, rows);
  }

  private finish(out: string, rows: readonly AblationRow[]) {
    const hasBase = rows.some(({ name }) => name === BASE);
    this.log(
      `\n${table(ablationCells(rows), NUMBER_COLUMNS)}\n\ndone: ${join(out, `ablation.${hasBase ? 'md' : 'json'}`)}`,
    );
    return { out: resolve(out), rows };
  }
}

function rowInWords(row: AblationRow): string {
  const name = row.name === BASE ? BASE : `${row.name} (${describeOptions(row.changes)})`;
  if (!isTrainedRow(row)) return `${name}: ${row.failed}`;
  return `${name}: branch ${percent(row.branchAccuracy)}, full ${percent(row.fullAccuracy)}`;
}
