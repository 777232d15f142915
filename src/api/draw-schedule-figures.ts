import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../base/files.js';
import { toPng } from '../report/chart.js';
import { intervalChart } from '../report/interval-chart.js';
import { availability } from '../report/schedule-figures/availability.js';
import { convergence } from '../report/schedule-figures/convergence.js';
import { decisionTimes } from '../report/schedule-figures/decision-times.js';
import { efficiency } from '../report/schedule-figures/efficiency.js';
import type { Figure } from '../report/schedule-figures/figure.js';
import type { Trainer } from '../report/schedule-figures/trained-policies.js';
import type { Settings } from '../scheduling/settings.js';
import { createWorld } from '../scheduling/world.js';
import type { PolicyTrainingEvents } from './train-policy.js';

export interface FigureOptions {
  /** Seeds that means and intervals are over. */
  readonly seeds: readonly number[];
  /** Iterations of each training. */
  readonly iterations: number;
  /** Task sets on which a policy is evaluated. */
  readonly episodes: number;
}

/** How each figure of the paper is computed, by its number. */
const FIGURES = {
  '15': (settings: Settings, trainer: Trainer, options: FigureOptions) =>
    convergence(createWorld(settings), trainer, options),
  async '16'(settings: Settings, trainer: Trainer, options: FigureOptions) {
    const figures = await efficiency(createWorld(settings), trainer, options);
    return [...figures, decisionTimes(settings.servers.length)];
  },
  // The paper doubles the servers' capacity here.
  '17': (settings: Settings, trainer: Trainer, options: FigureOptions) =>
    availability(settings, 2 * settings.servers[0].capacity, trainer, options),
};

export type FigureNumber = keyof typeof FIGURES;
export const FIGURE_NUMBERS = Object.keys(FIGURES) as FigureNumber[];

/**
 * Draws Figs. 15, 16 and 17 of the paper as SVG and PNG, with their numbers in `figures.json`. Trains the policies they
 * need in `out/policies`; called again, it continues where it stopped.
 *
 * @throws UserError if the folder holds policies of other options; the signal's reason if it interrupts a training
 */
export async function drawScheduleFigures(
  out: string,
  settings: Settings,
  { figures: numbers = FIGURE_NUMBERS, ...options }: FigureOptions & { readonly figures?: readonly FigureNumber[] },
  events: PolicyTrainingEvents = {},
): Promise<Figure[]> {
  const { signal, onStart, onIteration } = events;
  makeFolder(out);
  const trainer: Trainer = { folder: join(out, 'policies'), signal, started: onStart, iteration: onIteration };
  const figures: Figure[] = [];
  for (const number of FIGURE_NUMBERS) {
    if (numbers.includes(number)) figures.push(...(await FIGURES[number](settings, trainer, options)));
  }
  writeFileAtomic(join(out, 'figures.json'), `${JSON.stringify({ settings, ...options, figures }, null, 1)}\n`);
  for (const figure of figures) {
    const svg = intervalChart(figure);
    writeFileAtomic(join(out, `${figure.id}.svg`), svg);
    writeFileAtomic(join(out, `${figure.id}.png`), await toPng(svg));
  }
  return figures;
}
