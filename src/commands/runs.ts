import { Args, Flags } from '@oclif/core';
import { type ListedRun, listRuns } from '../api/list-runs.js';
import { percent, table } from '../base/format.js';
import { LcdnnCommand } from './base-command.js';

export default class Runs extends LcdnnCommand {
  static override summary = 'List the runs in a folder with their options and results.';
  static override description =
    'Accuracies are from the test split if a run was evaluated, otherwise from the validation images; the last column names the file.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs',
    '<%= config.bin %> <%= command.id %> runs --csv > runs.csv',
  ];
  static override args = { folder: Args.string({ required: true, description: 'Folder that contains the runs.' }) };
  static override flags = { csv: Flags.boolean({ summary: 'Print comma-separated values, with shares in [0, 1].' }) };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Runs);
    const listed = listRuns(args.folder);
    for (const message of listed.damaged) this.warn(message);
    if (flags.csv) this.log([COLUMNS.join(','), ...listed.runs.map(csvRow)].join('\n'));
    else if (listed.runs.length === 0) this.log(`${args.folder}: no runs`);
    else this.log(runTable(listed.runs));
    return listed;
  }
}

const COLUMNS = [
  'name',
  'network',
  'dataset',
  'attach',
  'branchForm',
  'width',
  'rates',
  'seed',
  'epochs',
  'plannedEpochs',
  'full',
  'branches',
  'collaborative',
  'exitRatio',
  'source',
] as const satisfies readonly (keyof ListedRun)[];

function csvRow(run: ListedRun): string {
  return COLUMNS.map((column) => {
    const value = run[column];
    const text = Array.isArray(value) ? value.join(' ') : String(value ?? '');
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(',');
}

function runTable(runs: readonly ListedRun[]): string {
  const share = (value: number | undefined): string => (value === undefined ? '' : percent(value));
  const rows = runs.map((run) => [
    run.name,
    run.network,
    run.dataset,
    run.attach,
    run.branchForm,
    run.rates.join(', '),
    `${run.seed}`,
    run.epochs === run.plannedEpochs ? `${run.epochs}` : `${run.epochs} of ${run.plannedEpochs}`,
    share(run.full),
    (run.branches ?? []).map(share).join(', '),
    share(run.collaborative),
    share(run.exitRatio),
    run.source ?? '',
  ]);
  const header = [
    ...['run', 'network', 'data', 'attach', 'branch', 'rates', 'seed', 'epochs'],
    ...['full', 'branch acc.', 'together', 'exit early', 'from'],
  ];
  return table([header, ...rows], [5, 6, 7, 8, 9, 10, 11]);
}
