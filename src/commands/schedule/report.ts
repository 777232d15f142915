import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { drawScheduleFigures, FIGURE_NUMBERS } from '../../api/draw-schedule-figures.js';
import { interruptible } from '../../cli/interruption.js';
import { createScheduleDisplay } from '../../cli/schedule-display.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { LcdnnCommand } from '../base-command.js';

/** What `--quick` computes. */
const QUICK = {
  settings: { capacity: '20', slots: 20, steps: 20 },
  options: { seeds: [1, 2], iterations: 30, episodes: 2 },
};

export default class ScheduleReport extends LcdnnCommand {
  static override summary = 'Draw Figs. 15, 16 and 17 of the paper: convergence, efficiency and availability of DRLoS.';
  static override description =
    'Trains the policies that the figures need in --out/policies. Writes each figure as SVG and PNG, and figures.json with ' +
    'the numbers: means with 95 % intervals over seeds. Ctrl-C exits with 130; the same command continues where it stopped.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out reports/drlos',
    '<%= config.bin %> <%= command.id %> --figures 17 --iterations 300 --out reports/availability',
    '<%= config.bin %> <%= command.id %> --quick --out reports/trial',
  ];
  static override flags = {
    out: Flags.string({ summary: 'Folder for the figures.', required: true }),
    figures: Flags.option({
      summary: 'Draw only this figure. Repeatable. [default: all]',
      options: FIGURE_NUMBERS,
      multiple: true,
    })(),
    seeds: Flags.integer({ summary: 'Number of seeds, starting at 1. [default: 5]', default: 5, min: 1, max: 100 }),
    iterations: Flags.integer({
      summary: 'Number of iterations per training. [default: 1500]',
      default: 1500,
      min: 30,
    }),
    episodes: Flags.integer({
      summary: 'Number of task sets on which a policy is evaluated. [default: 20]',
      default: 20,
      min: 1,
    }),
    quick: Flags.boolean({ summary: 'A trial that takes seconds: small servers, 2 seeds, 30 iterations.' }),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleReport);
    const { out, quick, iterations, episodes } = flags;
    const settings = settingsOf(quick ? { ...flags, ...QUICK.settings } : flags);
    const seeds = Array.from({ length: flags.seeds }, (_, i) => i + 1);
    const options = quick ? QUICK.options : { seeds, iterations, episodes };
    const figures = await interruptible(this, ({ signal, listen }) => {
      listen();
      const events = { ...createScheduleDisplay(this.jsonEnabled()), signal };
      return drawScheduleFigures(out, settings, { ...options, figures: flags.figures }, events);
    });
    for (const { id, title } of figures) this.log(`${join(out, `${id}.svg`)}: ${title}`);
    return { out: resolve(out), settings, ...options, figures };
  }
}
