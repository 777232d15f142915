import { isDeepStrictEqual } from 'node:util';
import { Flags } from '@oclif/core';
import { withClassNames } from '../api/class-names.js';
import { type PytorchOptions, trainRun } from '../api/train-run.js';
import { UserError } from '../base/errors.js';
import { clusterFlags, clusterJobFile } from '../cli/cluster-flags.js';
import { configFlags, givenConfig } from '../cli/config-flags.js';
import { newRunConfig, newRunFlags, newRunPath } from '../cli/new-run-flags.js';
import { pythonFlag } from '../cli/python-flag.js';
import { createTrainingDisplay } from '../cli/training-display.js';
import { writeReport } from '../report/write-report.js';
import type { Config } from '../run/config.js';
import { openRun, type Run, readMetrics, runFile } from '../run/run-directory.js';
import { PYTORCH } from '../train/engines/index.js';
import { findPython } from '../train/pytorch/find-python.js';
import { type Launch, launchOf } from '../train/pytorch/launch.js';
import { joinTraining } from '../train/pytorch/train-in-python.js';
import { LcdnnCommand } from './base-command.js';

export default class Train extends LcdnnCommand {
  static override summary = 'Train a joint network: the full branch and the binary branch on one first convolution.';
  static override description =
    'Writes a run directory: config, network, checkpoint (after every epoch, and every ten minutes), metrics and a report. ' +
    'Ctrl-C saves a checkpoint and exits with 130; --resume goes on to the same bits as a run that was never stopped. ' +
    'Engine pytorch trains in a Python of your own, on GPUs and clusters; what comes after needs none.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out runs/sample',
    '<%= config.bin %> <%= command.id %> --dataset mnist --data-dir ~/data/mnist --epochs 20 --out runs/mnist',
    '<%= config.bin %> <%= command.id %> --recipe lenet-mnist --seed 2 --out runs/seed-2',
    '<%= config.bin %> <%= command.id %> --resume runs/mnist',
    '<%= config.bin %> <%= command.id %> --recipe resnet18-cifar10 --engine pytorch --device cuda --precision bfloat16',
    '<%= config.bin %> <%= command.id %> --recipe resnet18-imagenet --engine pytorch --device cuda --nodes 2 --processes 8 --out runs/r18 --emit slurm > r18.sh',
  ];

  static override flags = {
    ...configFlags(),
    ...newRunFlags,
    loaders: Flags.integer({
      summary:
        'Threads that load images ahead of training; 0: training loads them. Files are decoded 4 at a time, or as ' +
        'UV_THREADPOOL_SIZE says. [default: what suits the data]',
      min: 0,
      max: 64,
    }),
    python: pythonFlag,
    processes: Flags.integer({
      summary: 'Processes of engine pytorch on this machine, one for each GPU. [default: 1]',
      helpGroup: 'PYTORCH',
      min: 1,
      max: 64,
    }),
    nodes: Flags.integer({
      summary: 'Machines that train together; each runs this command, and sees the same folders. [default: 1]',
      helpGroup: 'PYTORCH',
      min: 1,
      max: 4096,
    }),
    'node-rank': Flags.integer({
      summary: 'Which of them this one is, from 0, which reports and saves. [default: 0]',
      helpGroup: 'PYTORCH',
      min: 0,
    }),
    rendezvous: Flags.string({ summary: 'HOST:PORT of machine 0, where there are several.', helpGroup: 'PYTORCH' }),
    ...clusterFlags,
    resume: Flags.directory({
      summary: 'Run directory to go on with; its config decides.',
      aliases: ['continue'],
      exclusive: ['out', 'recipe'],
    }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Train);
    const resumed =
      flags.resume === undefined ? undefined : openResumed(flags.resume, withClassNames(givenConfig(flags)));
    const config = resumed?.config ?? newRunConfig(flags);
    const path = newRunPath(flags, config);
    requirePytorchFor(flags, config);
    if (flags.emit) {
      const given = { ...givenConfig(flags), dataDir: flags['data-dir'] };
      const file = clusterJobFile(flags.emit, { ...flags, config, given, out: path }, flags);
      this.log(file.trimEnd());
      return { [flags.emit]: file };
    }
    const pytorch = pytorchOptions(flags, config);
    if (pytorch.launch.nodeRank > 0) {
      const python = await findPython(pytorch.python, config.device);
      const exitCode = await joinTraining(resumed?.path ?? path, python, pytorch.launch);
      if (exitCode !== undefined) this.exit(exitCode);
      return { run: path };
    }
    const { run, exitCode, warmStart } = await trainRun({
      path,
      config,
      pytorch,
      resumed,
      dataDir: flags['data-dir'],
      loaders: flags.loaders,
      display: createTrainingDisplay(this.jsonEnabled()),
    });
    writeReport(run);
    if (exitCode !== undefined) this.exit(exitCode);
    const last = readMetrics(run).at(-1);
    this.log(`done: ${run.path}; next: ${this.config.bin} tune-tau ${run.path}`);
    return { run: run.path, checkpoint: runFile(run, 'checkpoint'), config, warmStart, validation: last };
  }
}

interface PytorchFlags {
  readonly emit?: string;
  readonly python?: string;
  readonly processes?: number;
  readonly nodes?: number;
  readonly 'node-rank'?: number;
  readonly rendezvous?: string;
}

/** @throws UserError where one of these flags is given to another engine */
function requirePytorchFor(flags: PytorchFlags, { engine }: Config): void {
  const { emit, python, processes, nodes, 'node-rank': nodeRank, rendezvous } = flags;
  const given = Object.entries({ emit, python, processes, nodes, 'node-rank': nodeRank, rendezvous });
  const [unfit] = given.find(([, value]) => value !== undefined) ?? [];
  if (unfit === undefined || engine === PYTORCH) return;
  throw new UserError(`--${unfit}: expected engine ${PYTORCH}, found ${engine}; give --engine ${PYTORCH}`);
}

/** @throws UserError where they don't fit together */
function pytorchOptions(flags: PytorchFlags, config: Config): PytorchOptions & { readonly launch: Launch } {
  const { python, processes, nodes, 'node-rank': nodeRank, rendezvous } = flags;
  return { python, launch: launchOf({ processes, nodes, nodeRank, rendezvous }, config) };
}

/**
 * A resumed run goes on under its own config: any other option would make it another run. What computes it may change;
 * sums are rounded otherwise then.
 */
function openResumed(path: string, given: Partial<Config>): Run {
  const opened = openRun(path);
  const { engine = opened.config.engine, device = opened.config.device, precision = opened.config.precision } = given;
  const run = { ...opened, config: { ...opened.config, engine, device, precision } };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !isDeepStrictEqual(value, run.config[name as keyof Config])) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${run.config[name as keyof Config]}, found ${value}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return run;
}
