import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { UserError } from '../../base/errors.js';
import { listenForInterruption } from '../../base/interruption.js';
import { numberFlag } from '../../cli/number-flag.js';
import { createScheduleDisplay } from '../../cli/schedule-display.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { lockRun } from '../../run/lock.js';
import { METHODS, resolvePlan } from '../../scheduling/learning/training-plan.js';
import { parseObjective } from '../../scheduling/simulation/costs.js';
import { readTrace } from '../../scheduling/tasks/read-trace.js';
import { beginTraining, openTraining, policyFile, runTraining } from '../../scheduling/training-run.js';
import { createWorld } from '../../scheduling/world.js';
import { LcdnnCommand } from '../base-command.js';

export default class ScheduleTrain extends LcdnnCommand {
  static override summary = 'Train a policy that spreads requests over edge servers (DRLoS), in simulation.';
  static override description =
    'Writes policy.safetensors, which is a checkpoint, too, and training.jsonl with a line for each iteration. ' +
    'Ctrl-C saves and exits with 130; --resume goes on to the same bits as a training that was never stopped.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out policies/drlos',
    '<%= config.bin %> <%= command.id %> --method per-server --servers 8 --objective latency=1,late=5 --out policies/latency',
    '<%= config.bin %> <%= command.id %> --resume policies/drlos',
  ];
  static override flags = {
    method: Flags.option({
      summary:
        'drlos: one choice among 2^N tuples of high and low; per-server: a score for each of any number of servers; ' +
        'q-learning: values of those tuples. [default: drlos]',
      options: METHODS,
    })(),
    objective: Flags.string({
      summary:
        'What costs: variance, latency, late, energy, cloud; several with weights, as latency=1,cloud=2. [default: variance]',
    }),
    iterations: numberFlag('Iterations, each on a task set of its own. [default: 1500]'),
    episodes: numberFlag('Episodes of each task set. [default: 20]'),
    lr: numberFlag('Learning rate. [default: 0.001]'),
    update: Flags.option({
      summary: 'Update rule: Adam, or plain ascent as Eq. 9 has it. [default: adam]',
      options: ['adam', 'ascent'] as const,
    })(),
    seed: Flags.integer({ summary: 'Seed of all randomness. [default: 1]', min: 0 }),
    trace: Flags.string({
      summary:
        'Train on the tasks of a trace (CSV, JSON lines, or the log of `lcdnn serve --log info`) in place of drawn ones.',
    }),
    out: Flags.string({ summary: 'Folder of the policy.', exclusive: ['resume'] }),
    resume: Flags.directory({ summary: 'Folder of a training to go on with; its own options decide.' }),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleTrain);
    const folder = flags.resume ?? flags.out;
    if (folder === undefined)
      throw new UserError('expected a folder for the policy, found none; give --out or --resume');
    const { trained, reports } = flags.resume === undefined ? this.begin(folder, flags) : resumed(folder, flags);
    const world = createWorld(trained.settings);
    const trace = trained.plan.trace === undefined ? undefined : readTrace(trained.plan.trace, world);
    const unlock = lockRun({ path: folder });
    const interruption = listenForInterruption();
    const display = createScheduleDisplay(this.jsonEnabled());
    try {
      display.start(folder, trained);
      const { signal } = interruption;
      await runTraining(folder, world, trained, reports, display.iteration, { signal, trace });
    } finally {
      interruption.stop();
      unlock();
    }
    const exitCode = interruption.exitCode();
    if (exitCode !== undefined) this.exit(exitCode);
    this.log(`done: ${folder}; next: ${this.config.bin} schedule simulate --policy ${policyFile(folder)}`);
    return { policy: policyFile(folder), plan: trained.plan, last: reports.at(-1) };
  }

  private begin(folder: string, flags: Readonly<Record<string, unknown>>): ReturnType<typeof openTraining> {
    const { method, iterations, episodes, lr, update, seed } = flags;
    const objective = flags.objective === undefined ? undefined : parseObjective(flags.objective as string);
    const trace = flags.trace === undefined ? undefined : resolve(flags.trace as string);
    const plan = resolvePlan({ method, objective, iterations, episodes, lr, update, seed, trace });
    const world = createWorld(settingsOf(flags));
    if (trace !== undefined) readTrace(trace, world); // what is wrong with it, before anything is written
    return { trained: beginTraining(folder, world, plan), reports: [] };
  }
}

/** @throws UserError where another option than where to go on is given */
function resumed(folder: string, flags: Readonly<Record<string, unknown>>): ReturnType<typeof openTraining> {
  const free = ['resume', 'json'];
  const given = Object.keys(flags).find((name) => flags[name] !== undefined && !free.includes(name));
  if (given) throw new UserError(`--resume ${folder} goes on with its own --${given}; leave it out, or train anew`);
  return openTraining(folder);
}
