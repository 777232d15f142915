import { Args, Flags } from '@oclif/core';
import { type BenchDeviceResult, benchDevice } from '../../api/bench-device.js';
import { fileSize, table } from '../../base/format.js';
import { median } from '../../base/statistics.js';
import { gateReportFlags, reportGates } from '../../cli/gate-flags.js';
import { numberFlag } from '../../cli/number-flag.js';
import { checkGate, type Gate } from '../../gates/gate.js';
import type { DeviceResult } from '../../profiling/device-bench.js';
import { LcdnnCommand } from '../base-command.js';

export default class BenchDevice extends LcdnnCommand {
  static override summary = "Measure a bundle's branch in a browser, on this machine or on a phone.";

  static override description =
    'Serves the bundle and a page that measures it, and prints the results: time per image and per frame of a camera (median ' +
    'and spread), loading time, time of every step, and memory. By default the page opens in a headless Chromium on this ' +
    'machine. With --wait you open it yourself, for example on a phone.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> my-bundle',
    '<%= config.bin %> <%= command.id %> my-bundle --wait --host 0.0.0.0 --port 8080',
    '<%= config.bin %> <%= command.id %> my-bundle --json >device.json',
    '<%= config.bin %> <%= command.id %> my-bundle --max-ms 5',
    '<%= config.bin %> <%= command.id %> my-bundle --wait --host 0.0.0.0 --litert resnet18-int8.tflite --json >phone.json',
  ];

  static override args = {
    bundle: Args.string({ required: true, description: 'Folder that "lcdnn export" wrote.' }),
  };

  static override flags = {
    browser: Flags.string({
      summary: 'Path of a Chromium or Chrome. [default: CHROMIUM_PATH, or the usual places]',
      exclusive: ['wait'],
    }),
    wait: Flags.boolean({ summary: 'Print the address of the page and wait until a browser has measured.' }),
    host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
    port: Flags.integer({ default: 0, min: 0, max: 65535, summary: 'Port to listen on; 0 picks a free one.' }),
    rounds: Flags.integer({ default: 30, min: 1, max: 1000, summary: 'Number of samples of the time per image.' }),
    litert: Flags.string({
      summary: 'Also time this .tflite model in LiteRT.js, which must be installed (npm install @litertjs/core).',
    }),
    profile: Flags.boolean({ summary: 'List every step of the branch.' }),
    'max-ms': numberFlag('Gate: longest time of the branch for one image, in ms (median).', { helpGroup: 'GATES' }),
    ...gateReportFlags,
  };

  async run(): Promise<BenchDeviceResult & { gates?: Gate[] }> {
    const { args, flags } = await this.parse(BenchDevice);
    const { browser, wait, host, port, rounds, litert } = flags;
    const onAddress = (url: string): void =>
      this.logToStderr(`open ${url} in the browser you want to measure (Ctrl-C stops)`);
    const found = await benchDevice(args.bundle, {
      ...{ browser, host, port, rounds, litert },
      onAddress: wait ? onAddress : undefined,
    });
    this.log(summary(found));
    if (flags.profile) this.log(`\n${stepsTable(found)}`);
    const limit = flags['max-ms'];
    const value = median(found.branchMs);
    const gates =
      limit === undefined ? [] : [checkGate({ name: 'time of the branch', unit: 'ms', bound: 'max', limit, value })];
    reportGates(this, `Branch of ${args.bundle}`, gates, flags);
    return gates.length > 0 ? { ...found, gates } : found;
  }
}

function summary({
  userAgent,
  simd,
  relaxedSimd,
  loadMs,
  branchMs,
  answerMs,
  edgeMs,
  litertMs,
  frames,
  memoryBytes,
}: DeviceResult): string {
  const spread = (samples: readonly number[]): string => {
    const sorted = samples.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(3);
    return `${at(0.5)} ms (median of ${sorted.length}; 5 % below ${at(0.05)}, 95 % below ${at(0.95)})`;
  };
  return table([
    ['browser', userAgent],
    ['kernels', relaxedSimd ? 'relaxed SIMD' : simd ? 'SIMD128' : 'scalar'],
    ['one image', spread(branchMs)],
    ['from its Worker', spread(answerMs)],
    ...(edgeMs ? [['from the edge', spread(edgeMs)]] : []),
    ['LiteRT.js', litertMs ? spread(litertMs) : 'not timed; give a .tflite file with --litert'],
    ...frames.flatMap(({ width, height, frameMs, litertMs }) => [
      [`from a frame of ${width}x${height}`, spread(frameMs)],
      ...(litertMs ? [[`LiteRT.js, ${width}x${height}`, spread(litertMs)]] : []),
    ]),
    ['load', `${loadMs.toFixed(1)} ms`],
    ['memory', fileSize(memoryBytes)],
  ]);
}

function stepsTable({ steps }: DeviceResult): string {
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = steps.map(({ kernel, milliseconds }, i) => [
    String(i + 1),
    kernel,
    (1000 * milliseconds).toFixed(1),
    `${((100 * milliseconds) / total).toFixed(1)} %`,
  ]);
  return table([['step', 'kernel', 'us', 'share'], ...rows], [0, 2, 3]);
}
