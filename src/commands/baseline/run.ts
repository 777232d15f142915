import { Args, Flags } from '@oclif/core';
import { drawTestImages } from '../../api/compared-runs.js';
import { loadRunDataset } from '../../api/open-trained.js';
import { UserError } from '../../base/errors.js';
import { fileSize, percent, table } from '../../base/format.js';
import { readBaseline } from '../../baselines/approaches/baseline.js';
import { baselineContender } from '../../baselines/measure/contender.js';
import { startHost } from '../../baselines/measure/host.js';
import { measure } from '../../baselines/measure/measure.js';
import { runtimeFiles } from '../../baselines/measure/runtime.js';
import type { Measurement } from '../../baselines/results/results.js';
import { conditionFlags, conditionOf, hostFlags, LONG_VISIT_MS } from '../../cli/condition-flags.js';
import { defaultThreads } from '../../edge/server.js';
import { launchChromium } from '../../profiling/launch-chromium.js';
import { openRun } from '../../run/run-directory.js';
import { LcdnnCommand } from '../base-command.js';

export default class BaselineRun extends LcdnnCommand {
  static override summary =
    'Run what "baseline plan" wrote: page and edge server, in a real browser over a real network.';
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
    images: Flags.integer({ summary: 'Random test images.', default: 100, min: 1, max: 10_000 }),
    visits: Flags.integer({ summary: 'Visits with an empty cache.', default: 3, min: 1, max: 1000 }),
    seed: Flags.integer({ summary: 'Seed of the choice of images.', default: 1, min: 0 }),
    ...hostFlags,
  };

  async run(): Promise<{ right: number; images: number } & Measurement> {
    const { args, flags } = await this.parse(BaselineRun);
    const conditions = conditionOf(flags);
    const baseline = readBaseline(args.baseline);
    const dataset = await loadRunDataset(openRun(args.run).config, flags['data-dir']);
    const { input, plan } = baseline.facts;
    if (`${input}` !== `${dataset.shape}`) {
      throw new UserError(`${args.run}: expected images of ${input.join('x')}, found ${dataset.shape.join('x')}`);
    }
    const drawn = await drawTestImages(dataset, flags.images, flags.seed);
    const files = runtimeFiles();
    const contender = baselineContender('baseline', baseline);
    const browser = await launchChromium({ program: flags.browser });
    try {
      const host = await startHost({
        edges: contender.edge ? [contender.edge] : [],
        files: new Map([...files, ...contender.files]),
        threads: flags.threads ?? defaultThreads(),
      });
      try {
        const { module, options } = contender;
        const visited = { url: host.url, module, options };
        const images = drawn.map(({ image }) => image);
        const effort = { visits: flags.visits, longMs: LONG_VISIT_MS };
        const { chosen, ...found } = await measure(browser, visited, conditions, images, effort);
        const right = chosen.filter((index, i) => index === drawn[i].label).length;
        this.log(
          `${plan}, over ${found.connection}: ${percent(right / images.length)} of ${images.length} images right\n`,
        );
        this.log(summary(found));
        return { right, images: images.length, ...found };
      } finally {
        await host.close();
      }
    } finally {
      await browser.close();
    }
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
  return table([header, row('first answer', cold), row('further', warm)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}
