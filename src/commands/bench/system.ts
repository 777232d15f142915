import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import ora from 'ora';
import { comparedRuns, drawTestImages, networkFacts, openMeasured } from '../../api/compared-runs.js';
import { exportWeb } from '../../api/export-web.js';
import { UserError } from '../../base/errors.js';
import { writeFileAtomic } from '../../base/files.js';
import { runtimeFiles } from '../../baselines/measure/runtime.js';
import { measureSystem } from '../../baselines/measure/system.js';
import { APPROACHES, type Approach, RESULTS_FORMAT, type SystemResults } from '../../baselines/results/results.js';
import { conditionFlags, conditionsOf, devicePowers, hostFlags, LONG_VISIT_MS } from '../../cli/condition-flags.js';
import { systemTable } from '../../cli/system-table.js';
import { defaultThreads } from '../../edge/server.js';
import { launchChromium } from '../../profiling/launch-chromium.js';
import { LcdnnCommand } from '../base-command.js';

/** What `--quick` measures. */
const QUICK = { images: 20, visits: 1, edgeMs: 500 };
const WHOLE = { visits: 4, edgeMs: 2000 };

export default class BenchSystem extends LcdnnCommand {
  static override summary =
    'Measure whole answers: LcDNN against what else could run, in a real browser over real networks.';

  static override description =
    'Exports the run, serves it, and has a headless Chromium classify random test images over emulated connections, with an ' +
    'empty cache and with a full one: LcDNN, the whole network on the device, on the edge, cut in two by Neurosurgeon and by ' +
    'Edgent, compressed networks, and the binary branch alone. Says where the time went, what travelled, and what the edge ' +
    'spent. "lcdnn report" draws it.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --quick',
    '<%= config.bin %> <%= command.id %> runs/mnist --network 3g,4g,5g,wifi --slowdown 1,4 --out results/mnist.json',
    '<%= config.bin %> <%= command.id %> runs/mnist --edgent runs/mnist-edgent --student runs/mnist-student',
  ];

  static override args = {
    run: Args.string({ required: true, description: 'Run directory, tuned and evaluated.' }),
  };

  static override flags = {
    ...conditionFlags,
    images: Flags.integer({ summary: 'Random test images.', default: 100, min: 1, max: 10_000 }),
    visits: Flags.integer({
      summary: 'Visits with an empty cache, for images that the edge is asked about and for others.',
      default: WHOLE.visits,
      min: 1,
      max: 1000,
    }),
    quick: Flags.boolean({ summary: `${QUICK.images} images and ${QUICK.visits} visit: a look, no measurement.` }),
    edgent: Flags.string({ summary: 'Run with early exits in float ("lcdnn baseline train edgent").' }),
    'mobilenet-v2': Flags.string({ summary: 'Run of MobileNetV2 ("lcdnn baseline train mobilenet-v2").' }),
    student: Flags.string({ summary: 'Run of a distilled student ("lcdnn baseline train student").' }),
    without: Flags.string({
      summary: `Approaches to leave out, separated by commas: ${APPROACHES.filter((name) => name !== 'lcdnn').join(', ')}.`,
      default: '',
    }),
    limit: Flags.integer({ summary: 'Latency that Edgent keeps to, in ms.', default: 100, min: 1 }),
    seed: Flags.integer({ summary: 'Seed of the choice of images.', default: 1, min: 0 }),
    out: Flags.string({ summary: 'File for the results, for "lcdnn report".' }),
    ...hostFlags,
  };

  async run(): Promise<SystemResults> {
    const { args, flags } = await this.parse(BenchSystem);
    const conditions = conditionsOf(flags);
    const without = approachesOf(flags.without);
    const images = flags.quick ? QUICK.images : flags.images;
    runtimeFiles(); // says at once where it is not installed
    const measured = await openMeasured(args.run, flags['data-dir']);
    const browser = await launchChromium({ program: flags.browser });
    const folder = mkdtempSync(join(tmpdir(), 'lcdnn-system-'));
    const spinner = ora({ isSilent: this.jsonEnabled(), isEnabled: process.stderr.isTTY });
    try {
      const compared = await comparedRuns(measured, flags, flags['data-dir']);
      const bundle = join(folder, 'bundle');
      spinner.start('export');
      await exportWeb(measured, { out: bundle }, this.config.version);
      const approaches = await measureSystem(
        browser,
        { ...compared, bundle },
        (await drawTestImages(measured.dataset, images, flags.seed)).map(({ image }) => image),
        {
          conditions,
          without,
          powers: devicePowers,
          limitMs: flags.limit,
          threads: flags.threads ?? defaultThreads(),
          effort: { visits: flags.quick ? QUICK.visits : flags.visits, longMs: LONG_VISIT_MS },
          edgeMs: flags.quick ? QUICK.edgeMs : WHOLE.edgeMs,
          onProgress: (text) => {
            spinner.text = text;
            if (!spinner.isEnabled && !this.jsonEnabled()) this.logToStderr(text);
          },
        },
      );
      spinner.stop();
      const results: SystemResults = {
        format: RESULTS_FORMAT,
        date: new Date().toISOString(),
        machine: {
          processor: cpus()[0].model.trim(),
          cores: cpus().length,
          browser: `Chromium ${browser.browser()?.version() ?? (await browserVersion(browser))}`,
        },
        settings: { images, seed: flags.seed },
        networks: [{ ...networkFacts(measured), approaches }],
      };
      if (flags.out) writeFileAtomic(flags.out, `${JSON.stringify(results)}\n`);
      this.log(systemTable(results.networks[0]));
      if (flags.out) this.log(`\ndone: ${flags.out}; next: ${this.config.bin} report ${flags.out}`);
      return results;
    } finally {
      spinner.stop();
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function approachesOf(text: string): Approach[] {
  return text
    .split(',')
    .filter(Boolean)
    .map((given) => {
      const found = APPROACHES.find((name) => name === given.trim() && name !== 'lcdnn');
      if (found) return found;
      const others = APPROACHES.filter((name) => name !== 'lcdnn').join(', ');
      throw new UserError(`--without: expected some of ${others}, found ${given}`);
    });
}

async function browserVersion(browser: Awaited<ReturnType<typeof launchChromium>>): Promise<string> {
  const page = await browser.newPage();
  const agent: string = await page.evaluate('navigator.userAgent');
  await page.close();
  return /Chrome\/([\d.]+)/.exec(agent)?.[1] ?? agent;
}
