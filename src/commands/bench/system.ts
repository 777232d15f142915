import { Args, Flags } from '@oclif/core';
import ora from 'ora';
import { compareRuns } from '../../api/compare-runs.js';
import { UserError } from '../../base/errors.js';
import { APPROACHES, type Approach, type SystemResults } from '../../baselines/results/results.js';
import { conditionFlags, conditionsOf, hostFlags } from '../../cli/condition-flags.js';
import { dataOptions } from '../../cli/data-flags.js';
import { withDataProgress } from '../../cli/data-progress.js';
import { systemTable } from '../../cli/system-table.js';
import { LcdnnCommand } from '../base-command.js';

/** What `--quick` measures. */
const QUICK = { images: 20, visits: 1, edgeMs: 500 };

const OTHERS = APPROACHES.filter((name) => name !== 'lcdnn');

export default class BenchSystem extends LcdnnCommand {
  static override summary =
    'Measure whole answers, LcDNN against the alternatives, in a real browser over emulated networks.';

  static override description =
    'Exports the run and serves it. A headless Chromium classifies random test images over emulated connections, first with an ' +
    'empty cache, then with a full one. The approaches are LcDNN, LcDNN whose edge answers until the branch is loaded, the whole ' +
    'network on the device (in ONNX Runtime Web and, with --litert, in LiteRT.js), the whole network on the edge, partitions by ' +
    'Neurosurgeon and Edgent, compressed networks, and the binary branch alone. Reports where the ' +
    'time went, how many bytes travelled, and what the edge spent. "lcdnn report" draws the results.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --quick',
    '<%= config.bin %> <%= command.id %> runs/mnist --network 3g,4g,5g,wifi --slowdown 1,4 --out results/mnist.json',
    '<%= config.bin %> <%= command.id %> runs/mnist --edgent runs/mnist-edgent --student runs/mnist-student',
    '<%= config.bin %> <%= command.id %> runs/mnist --litert lenet.tflite --litert-int8 lenet-int8.tflite',
  ];

  static override args = {
    run: Args.string({ required: true, description: 'Run directory, tuned and evaluated.' }),
  };

  static override flags = {
    ...conditionFlags,
    images: Flags.integer({ summary: 'Number of random test images.', default: 100, min: 1, max: 10_000 }),
    visits: Flags.integer({
      summary: 'Number of visits with an empty cache, for images that need the edge and for others.',
      default: 4,
      min: 1,
      max: 1000,
    }),
    quick: Flags.boolean({
      summary: `A quick look with ${QUICK.images} images and ${QUICK.visits} visit; too few for a measurement.`,
    }),
    edgent: Flags.string({ summary: 'Run with early exits in float ("lcdnn baseline train edgent").' }),
    'mobilenet-v2': Flags.string({ summary: 'Run of MobileNetV2 ("lcdnn baseline train mobilenet-v2").' }),
    student: Flags.string({ summary: 'Run of a distilled student ("lcdnn baseline train student").' }),
    litert: Flags.string({
      summary:
        'The full network as a .tflite file, to measure in LiteRT.js, which must be installed (npm install @litertjs/core).',
    }),
    'litert-int8': Flags.string({ summary: 'The same in 8 bits, with float32 input.' }),
    without: Flags.string({
      summary: `Approaches to leave out, separated by commas: ${OTHERS.join(', ')}.`,
      default: '',
    }),
    limit: Flags.integer({ summary: 'Latency limit of Edgent, in ms.', default: 100, min: 1 }),
    seed: Flags.integer({ summary: 'Seed for choosing the images.', default: 1, min: 0 }),
    out: Flags.string({ summary: 'File for the results, which "lcdnn report" reads.' }),
    ...hostFlags,
  };

  async run(): Promise<SystemResults> {
    const { args, flags } = await this.parse(BenchSystem);
    const { limit: limitMs, seed, threads, browser, out } = flags;
    const { edgent, 'mobilenet-v2': mobilenet, student } = flags;
    const conditions = conditionsOf(flags);
    const without = approachesIn(flags.without);
    const effort = flags.quick ? QUICK : { images: flags.images, visits: flags.visits };
    const spinner = ora({ isSilent: this.jsonEnabled(), isEnabled: process.stderr.isTTY });
    const results = await withDataProgress(({ onProgress, onNote, stop }) =>
      compareRuns(args.run, {
        ...{ conditions, without, limitMs, seed, threads, browser, out, ...dataOptions(flags), onProgress, onNote },
        ...effort,
        baselines: { edgent, 'mobilenet-v2': mobilenet, student },
        litert: { litert: flags.litert, 'litert-int8': flags['litert-int8'] },
        onStep: (text) => {
          stop();
          if (spinner.isEnabled) spinner.start(text);
          else if (!this.jsonEnabled()) this.logToStderr(text);
        },
      }),
    ).finally(() => spinner.stop());
    this.log(systemTable(results.networks[0]));
    if (out) this.log(`\ndone: ${out}; next: ${this.config.bin} report ${out}`);
    return results;
  }
}

function approachesIn(text: string): Approach[] {
  return text
    .split(',')
    .filter(Boolean)
    .map((given) => {
      const found = OTHERS.find((name) => name === given.trim());
      if (found) return found;
      throw new UserError(`--without: expected some of ${OTHERS.join(', ')}, found ${given}`);
    });
}
