import { Args, Flags } from '@oclif/core';
import { type BaselineMeasurement, runBaseline } from '../../api/run-baseline.js';
import { fileSize, percent, table } from '../../base/format.js';
import type { Measurement } from '../../baselines/results/results.js';
import { conditionFlags, conditionOf, hostFlags } from '../../cli/condition-flags.js';
import { dataOptions } from '../../cli/data-flags.js';
import { withDataProgress } from '../../cli/data-progress.js';
import { LcdnnCommand } from '../base-command.js';

export default class BaselineRun extends LcdnnCommand {
  static override summary =
    'Run what "baseline plan" wrote, page and edge server, in a real browser over an emulated network.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> baselines/neurosurgeon runs/alexnet --network wifi',
    '<%= config.bin %> <%= command.id %> baselines/edgent runs/mnist --images 500 --json',
  ];
  static override args = {
    baseline: Args.string({ required: true, description: 'Folder that "lcdnn baseline plan" wrote.' }),
    run: Args.string({ required: true, description: 'Run whose test images are classified.' }),
  };
  static override flags = {
    ...conditionFlags,
    images: Flags.integer({ summary: 'Number of random test images.', default: 100, min: 1, max: 10_000 }),
    visits: Flags.integer({ summary: 'Number of visits with an empty cache.', default: 3, min: 1, max: 1000 }),
    seed: Flags.integer({ summary: 'Seed for choosing the images.', default: 1, min: 0 }),
    ...hostFlags,
  };

  async run(): Promise<Omit<BaselineMeasurement, 'plan'>> {
    const { args, flags } = await this.parse(BaselineRun);
    const conditions = conditionOf(flags);
    const { images, visits, seed, threads, browser } = flags;
    const { plan, ...measured } = await withDataProgress(({ onProgress, onNote }) =>
      runBaseline(args.baseline, args.run, {
        ...{ conditions, images, visits, seed, threads, browser, ...dataOptions(flags) },
        ...{ onProgress, onNote },
      }),
    );
    const accuracy = percent(measured.right / measured.images);
    this.log(`${plan}, over ${measured.connection}: ${accuracy} of ${measured.images} images correct\n`);
    this.log(summary(measured));
    return measured;
  }
}

function summary({ cold, warm }: Measurement): string {
  const row = (name: string, { meanMs, p50Ms, p95Ms, parts, bytesDown, bytesUp }: Measurement['cold']): string[] => [
    name,
    ...[meanMs, p50Ms, p95Ms, ...Object.values(parts)].map((ms) => ms.toFixed(1)),
    fileSize(Math.round(bytesDown)),
    fileSize(Math.round(bytesUp)),
  ];
  const header = ['ms', 'mean', 'p50', 'p95', 'download', 'compile', 'compute', 'uplink', 'edge', 'down', 'up'];
  return table([header, row('first answer', cold), row('later', warm)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}
