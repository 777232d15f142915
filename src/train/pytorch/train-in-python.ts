import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../../base/errors.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { Dataset } from '../../datasets/dataset.js';
import { type Checkpoint, progressSchema, writeCheckpoint } from '../../run/checkpoint.js';
import { bestEpoch, isOutOfPatience } from '../../run/patience.js';
import { type EpochMetrics, type Run, readMetrics, runFile, writeMetrics } from '../../run/run-directory.js';
import type { TrainingStage } from '../../run/stages.js';
import { diverged, epochMetrics, epochStart, type StepReport, stepReport } from '../reports.js';
import { startState } from '../warm-start/warm-start.js';
import type { Python } from './find-python.js';
import { chosenPrecision, type Job, jobFolder, writeJob } from './job.js';
import { type Launch, torchrunArguments } from './launch.js';

export interface PythonTrainOptions {
  /** The run, or its current stage. */
  readonly run: TrainingStage<Run>;
  readonly dataset: Dataset;
  readonly python: Python;
  readonly launch: Launch;
  /** Where to resume. Without it, training starts from the seed or a warm start. */
  readonly checkpoint?: Checkpoint;
  readonly start?: NamedArrays;
  /** Aborting saves a checkpoint after the current step and ends training. */
  readonly signal?: AbortSignal;
  /** Called with a line about a feature that the trainer has to do without. */
  readonly onNote?: (text: string) => void;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (metrics: EpochMetrics) => void;
}

/** Folder that holds the Python package `lcdnn_torch`. */
export const PACKAGE = fileURLToPath(new URL('../../../python', import.meta.url));

/** Thrown to end the trainer after an epoch. */
const OUT_OF_PATIENCE = Symbol('out of patience');

const losses = { fullLoss: z.string(), branchLoss: z.string() };

/** Events that the trainer prints, one line of JSON each. */
const eventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready'), torch: z.string(), device: z.string() }),
  /** A message for the user. */
  z.object({ event: z.literal('note'), text: z.string() }),
  z.object({ event: z.literal('step'), progress: progressSchema }),
  z.object({
    event: z.literal('epoch'),
    progress: progressSchema,
    hits: z.array(z.int()),
    steps: z.int(),
    seconds: z.number(),
    waited: z.number(),
  }),
  /** A checkpoint was written, under a temporary name. */
  z.object({ event: z.literal('checkpoint'), path: z.string() }),
  z.object({ event: z.literal('diverged'), progress: progressSchema, ...losses }),
  /** `fits`: number of images for which a step would fit into memory; 0 if unknown. */
  z.object({ event: z.literal('out-of-memory'), fits: z.int() }),
  z.object({ event: z.literal('stopped') }),
  z.object({ event: z.literal('done') }),
]);

type TrainerEvent = z.infer<typeof eventSchema>;

/** The trainer ended without a reason. The last checkpoint is complete, so the run can resume from it. */
export class TrainerEnded extends UserError {
  override readonly exitCode = 1;
  override readonly code = 'ERR_LCDNN_TRAINER';
}

/**
 * Algorithm 1 in PyTorch. It writes the same run directory as `train`, with the same initial state, order and
 * augmentation of images, and learning rates; only the rounding of sums differs. The trainer receives all of that as a
 * `Job`, and returns sums and checkpoints.
 *
 * @returns `done`, or `interrupted` if the signal ended it
 * @throws Diverged if the loss is no longer finite, UserError if memory is too small, TrainerEnded if a process ended;
 *   the last good checkpoint is kept
 */
export async function trainInPython(options: PythonTrainOptions): Promise<'done' | 'interrupted'> {
  const { run, dataset, python, launch, checkpoint, signal } = options;
  const { config, network } = run;
  const start = checkpoint?.progress ?? epochStart(0, 0, run.stage);
  const state = checkpoint?.state ?? options.start ?? startState(config, network).state;
  if (!checkpoint) writeCheckpoint(runFile(run, 'checkpoint'), { progress: start, state });
  const metrics = readMetrics(run).filter(({ epoch }) => epoch <= (run.epochsBefore ?? 0) + start.epoch);
  if (isOutOfPatience(config, metrics)) return 'done';
  const job = writeJob(run, dataset, config.device, chosenPrecision(config.precision, python.bfloat16));
  job.writePlan(start.epoch);
  const stop = (): void => job.requestStop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    job.writePlan(start.epoch + 1);
    let outcome: 'done' | 'interrupted' | undefined;
    let isBest = false;
    const onEvent = (event: TrainerEvent): void => {
      switch (event.event) {
        case 'ready':
          return;
        case 'note':
          options.onNote?.(event.text);
          return;
        case 'step':
          options.onStep?.(stepReport(run, event.progress, job.stepsPerEpoch));
          return;
        case 'epoch': {
          const { progress, hits } = event;
          const accuracies = hits.map((count) => count / job.validationImages);
          const line = epochMetrics(run, progress, job.stepsPerEpoch, { ...event, accuracies });
          metrics.push(line);
          writeMetrics(run, metrics); // before the checkpoint, as `train` does
          isBest = config.keep === 'best' && bestEpoch(metrics) === line;
          options.onEpoch?.(line);
          job.removePlan(progress.epoch);
          job.writePlan(progress.epoch + 2);
          return;
        }
        case 'checkpoint':
          if (isBest) copyFileSync(event.path, runFile(run, 'best'));
          isBest = false;
          renameSync(event.path, runFile(run, 'checkpoint'));
          if (isOutOfPatience(config, metrics)) throw OUT_OF_PATIENCE;
          return;
        case 'diverged':
          throw diverged(run, event.progress, [event.fullLoss, event.branchLoss]);
        case 'out-of-memory':
          throw outOfMemory(run, event.fits);
        case 'stopped':
          outcome = 'interrupted';
          return;
        case 'done':
          outcome = 'done';
      }
    };
    await listen(await startTrainer(python, launch, job), onEvent);
    if (outcome) return outcome;
    throw new Error('the trainer ended well, but did not say that it was done');
  } catch (thrown) {
    if (thrown === OUT_OF_PATIENCE) return 'done';
    throw thrown;
  } finally {
    signal?.removeEventListener('abort', stop);
    job.remove();
  }
}

/**
 * Runs the processes of a machine other than the first. They wait until the first machine has written the job, read it,
 * and don't report anything.
 *
 * The caller must ignore the first Ctrl-C or SIGTERM: the first machine saves, then stops all of them.
 *
 * @param path run directory, as all machines see it
 */
export async function joinTraining(path: string, python: Python, launch: Launch): Promise<void> {
  await listen(await startTrainer(python, launch, { folder: jobFolder({ path: resolve(path) }) }), () => {});
}

async function startTrainer(
  { path, torch }: Python,
  launch: Launch,
  { folder }: Pick<Job, 'folder'>,
): Promise<ChildProcess> {
  const trainer = ['-m', 'lcdnn_torch', folder];
  const distributed = launch.processes * launch.nodes > 1;
  const threads = String(Math.max(1, Math.floor(availableParallelism() / launch.processes)));
  const search = process.env['PYTHONPATH'];
  const torchrun = distributed ? ['-m', 'torch.distributed.run', ...(await torchrunArguments(launch, torch))] : [];
  return spawn(path, [...torchrun, ...trainer], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C on a terminal reaches a whole process group. The trainer has its own group, and is stopped by us instead.
    detached: true,
    env: {
      ...process.env,
      PYTHONPATH: search ? `${PACKAGE}${delimiter}${search}` : PACKAGE,
      PYTHONDONTWRITEBYTECODE: '1',
      ...(distributed && !process.env['OMP_NUM_THREADS'] ? { OMP_NUM_THREADS: threads } : {}),
    },
  });
}

/** Passes on the trainer's events until it ends. Stops the trainer if `onEvent` throws. */
async function listen(trainer: ChildProcess, onEvent: (event: TrainerEvent) => void): Promise<void> {
  const kill = (): void => {
    try {
      process.kill(-trainer.pid!, 'SIGTERM'); // torchrun forwards it to its workers, which are in groups of their own
    } catch {
      // it has already ended
    }
  };
  process.on('exit', kill);
  let output = '';
  trainer.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-20_000);
  });
  const ended = new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve, reject) => {
    trainer.once('error', reject).once('close', (code, signal) => resolve([code, signal]));
  });
  try {
    for await (const line of createInterface({ input: trainer.stdout! })) {
      const event = eventSchema.safeParse(parsed(line));
      if (event.success) onEvent(event.data);
      else output += `${line}\n`; // output of a library
    }
    const [code, signal] = await ended;
    if (code !== 0) throw trainerEnded(code, signal, output);
  } finally {
    kill();
    // A trainer that still runs may be writing a checkpoint into the job's folder, which the caller removes.
    await ended.catch(() => undefined);
    process.off('exit', kill);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** torchrun hides the reason in its own report: look for the first error before it, or the worker's signal. */
function trainerEnded(code: number | null, signal: string | null, output: string): TrainerEnded {
  const killed = /exitcode\s*:\s*-(\d+)/.exec(output)?.[1];
  const lines = output.split('\n').map((line) => line.replace(/^\[\w+\]:/, '').trim());
  const error = lines.find((line) => /^[\w.]*(Error|Exception)\b/.test(line) && !line.includes('ChildFailedError'));
  const how = signal ? `was ended by ${signal}` : killed ? `was ended by signal ${killed}` : `ended with code ${code}`;
  return new TrainerEnded(
    `a process of the PyTorch trainer ${how}${error ? ` (${error})` : ''}; the last checkpoint is kept, and --resume ` +
      'goes on from it',
  );
}

function outOfMemory({ path, config }: Run, fits: number): UserError {
  const advice = fits > 0 ? `${fits} would fit: train anew with --batch-size ${fits}` : 'give a smaller --batch-size';
  return new UserError(
    `the memory of ${config.device} is too small for batches of ${config.batchSize}; ${advice}. The ` +
      `checkpoint in ${path} is kept`,
  );
}
