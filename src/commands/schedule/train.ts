import { Flags } from '@oclif/core';
import { resumePolicyTraining, trainPolicy } from '../../api/train-policy.js';
import { UserError } from '../../base/errors.js';
import { interruptible } from '../../cli/interruption.js';
import { numberFlag } from '../../cli/number-flag.js';
import { createScheduleDisplay } from '../../cli/schedule-display.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { METHODS } from '../../scheduling/learning/training-plan.js';
import { UPDATES, type UpdateName } from '../../scheduling/learning/update.js';
import { COST_NAMES, parseObjective } from '../../scheduling/simulation/costs.js';
import { LcdnnCommand } from '../base-command.js';

export default class ScheduleTrain extends LcdnnCommand {
  static override summary = 'Train a policy that spreads requests over edge servers (DRLoS), in simulation.';
  static override description =
    'Writes policy.safetensors, which is also the checkpoint, and training.jsonl with one line per iteration. ' +
    'Ctrl-C saves and exits with 130. --resume continues with the same result, bit for bit, as without the interruption.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out policies/drlos',
    '<%= config.bin %> <%= command.id %> --method per-server --servers 8 --objective latency=1,late=5 --out policies/latency',
    '<%= config.bin %> <%= command.id %> --resume policies/drlos',
  ];
  static override flags = {
    method: Flags.option({
      summary:
        'drlos: one choice among 2^N combinations of high and low offers. per-server: a score per server, for any number of ' +
        'servers. q-learning: values of the combinations. [default: drlos]',
      options: METHODS,
    })(),
    objective: Flags.string({
      summary: `Costs to minimise: ${COST_NAMES.join(', ')}; several with weights, as latency=1,cloud=2. [default: variance]`,
    }),
    iterations: numberFlag('Number of iterations, each with its own task set. [default: 1500]'),
    episodes: numberFlag('Number of episodes per task set. [default: 20]'),
    lr: numberFlag('Learning rate. [default: 0.001]'),
    update: Flags.option({
      summary: 'Update rule: Adam, or plain gradient ascent as in Eq. 9. [default: adam]',
      options: Object.keys(UPDATES) as UpdateName[],
    })(),
    seed: Flags.integer({ summary: 'Seed of all random numbers. [default: 1]', min: 0 }),
    trace: Flags.string({
      summary:
        'Train on the tasks of a trace instead of random ones: CSV, JSON lines, or a log of "lcdnn serve --log info".',
    }),
    out: Flags.string({ summary: 'Folder for the policy.', exclusive: ['resume'] }),
    resume: Flags.directory({ summary: 'Folder of a training to continue. Its own options apply.' }),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleTrain);
    const { method, iterations, episodes, lr, update, seed, trace, resume } = flags;
    const folder = resume ?? flags.out;
    if (folder === undefined)
      throw new UserError('expected a folder for the policy, found none; give --out or --resume');
    if (resume !== undefined) requireNoOptions(resume, flags);
    const objective = flags.objective === undefined ? undefined : parseObjective(flags.objective);
    const plan = { method, objective, iterations, episodes, lr, update, seed, trace };
    const { interrupted: _, ...result } = await interruptible(this, ({ signal, listen }) => {
      listen();
      const events = { ...createScheduleDisplay(this.jsonEnabled()), signal };
      return resume === undefined
        ? trainPolicy(folder, { settings: settingsOf(flags), plan, ...events })
        : resumePolicyTraining(folder, events);
    });
    this.log(`done: ${folder}; next: ${this.config.bin} schedule simulate --policy ${result.policy}`);
    return result;
  }
}

/** @throws UserError if another option is given together with the training to continue */
function requireNoOptions(folder: string, flags: Readonly<Record<string, unknown>>): void {
  const free = ['resume', 'json'];
  const given = Object.keys(flags).find((name) => flags[name] !== undefined && !free.includes(name));
  if (given === undefined) return;
  throw new UserError(
    `--resume ${folder}: continues with its own --${given}; leave out --${given}, or train a new policy`,
  );
}
