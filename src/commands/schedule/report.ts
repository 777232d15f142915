import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { makeFolder, writeFileAtomic } from '../../base/files.js';
import { listenForInterruption } from '../../base/interruption.js';
import { createScheduleDisplay } from '../../cli/schedule-display.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { toPng } from '../../report/chart.js';
import { intervalChart } from '../../report/interval-chart.js';
import { availability } from '../../report/schedule-figures/availability.js';
import { convergence } from '../../report/schedule-figures/convergence.js';
import { decisionTimes } from '../../report/schedule-figures/decision-times.js';
import { efficiency } from '../../report/schedule-figures/efficiency.js';
import type { Figure } from '../../report/schedule-figures/figure.js';
import { Interrupted, type Trainer } from '../../report/schedule-figures/trained-policies.js';
import { createWorld } from '../../scheduling/world.js';
import { LcdnnCommand } from '../base-command.js';

export default class ScheduleReport extends LcdnnCommand {
  static override summary = "Draw the paper's Figs. 15, 16 and 17: convergence, efficiency and availability of DRLoS.";
  static override description =
    'Trains what the figures need, in --out/policies, and writes a chart (SVG, PNG) of each and figures.json with their ' +
    'numbers: means with 95 % intervals over seeds. Ctrl-C exits with 130; the same command goes on where it stopped.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out reports/drlos',
    '<%= config.bin %> <%= command.id %> --figures 17 --iterations 300 --out reports/availability',
    '<%= config.bin %> <%= command.id %> --quick --out reports/trial',
  ];
  static override flags = {
    out: Flags.string({ summary: 'Folder of the figures.', required: true }),
    figures: Flags.option({
      summary: 'Only this figure; may be given several times. [default: all]',
      options: ['15', '16', '17'] as const,
      multiple: true,
    })(),
    seeds: Flags.integer({ summary: 'Number of seeds, from 1 on. [default: 5]', default: 5, min: 1, max: 100 }),
    iterations: Flags.integer({ summary: 'Iterations of each training. [default: 1500]', default: 1500, min: 30 }),
    episodes: Flags.integer({ summary: 'Task sets by which a policy is judged. [default: 20]', default: 20, min: 1 }),
    quick: Flags.boolean({ summary: 'A trial in seconds: small servers, 2 seeds, 30 iterations.' }),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleReport);
    const given = flags.quick ? { ...flags, capacity: '20', slots: 20, steps: 20 } : flags;
    const settings = settingsOf(given);
    const options = flags.quick
      ? { seeds: [1, 2], iterations: 30, episodes: 2 }
      : {
          seeds: Array.from({ length: flags.seeds }, (_, i) => i + 1),
          iterations: flags.iterations,
          episodes: flags.episodes,
        };
    const world = createWorld(settings);
    const wanted = new Set(flags.figures ?? ['15', '16', '17']);
    makeFolder(flags.out);
    const interruption = listenForInterruption();
    const display = createScheduleDisplay(this.jsonEnabled());
    const trainer: Trainer = {
      folder: join(flags.out, 'policies'),
      signal: interruption.signal,
      started: display.start,
      iteration: display.iteration,
    };
    const figures: Figure[] = [];
    try {
      if (wanted.has('15')) figures.push(...(await convergence(world, trainer, options)));
      if (wanted.has('16')) {
        figures.push(...(await efficiency(world, trainer, options)), decisionTimes(settings.servers.length));
      }
      // The paper doubles the servers' capacity here.
      const capacity = 2 * settings.servers[0].capacity;
      if (wanted.has('17')) figures.push(...(await availability(settings, capacity, trainer, options)));
    } catch (thrown) {
      if (!(thrown instanceof Interrupted)) throw thrown;
    } finally {
      interruption.stop();
    }
    const exitCode = interruption.exitCode();
    if (exitCode !== undefined) this.exit(exitCode);
    writeFileAtomic(join(flags.out, 'figures.json'), `${JSON.stringify({ settings, ...options, figures }, null, 1)}\n`);
    for (const figure of figures) {
      const svg = intervalChart(figure);
      writeFileAtomic(join(flags.out, `${figure.id}.svg`), svg);
      writeFileAtomic(join(flags.out, `${figure.id}.png`), await toPng(svg));
      this.log(`${join(flags.out, `${figure.id}.svg`)}: ${figure.title}`);
    }
    return { out: resolve(flags.out), settings, ...options, figures };
  }
}
