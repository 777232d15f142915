import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { UserError } from '../../base/errors.js';
import { fileSize, table } from '../../base/format.js';
import { readBundle } from '../../bundle/read-bundle.js';
import { listen } from '../../edge/listen.js';
import { createDeviceBench, type DeviceResult } from '../../profiling/device-bench.js';
import { findBrowser, HEADLESS } from '../../profiling/find-browser.js';
import { LcdnnCommand } from '../base-command.js';

export default class BenchDevice extends LcdnnCommand {
  static override summary = "Time a bundle's branch in a browser, this machine's or a phone's.";

  static override description =
    'Serves the bundle and a page that measures it, and prints what the page found: the time of an image (median and ' +
    'spread), of loading, of every step, and the memory. By default in a headless Chromium here; with --wait the page ' +
    'is yours to open, on a phone for example.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> my-bundle',
    '<%= config.bin %> <%= command.id %> my-bundle --wait --host 0.0.0.0 --port 8080',
    '<%= config.bin %> <%= command.id %> my-bundle --json >device.json',
  ];

  static override args = {
    bundle: Args.string({ required: true, description: 'Folder that `lcdnn export` wrote.' }),
  };

  static override flags = {
    browser: Flags.string({
      summary: 'Program of a Chromium or Chrome; default: CHROMIUM_PATH, or where it is installed.',
      exclusive: ['wait'],
    }),
    wait: Flags.boolean({ summary: 'Print the address of the page and wait for a browser to open it.' }),
    host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
    port: Flags.integer({ default: 0, min: 0, max: 65535, summary: 'Port to listen on; 0 for any that is free.' }),
    rounds: Flags.integer({ default: 30, min: 1, max: 1000, summary: 'Samples of the time of an image.' }),
    profile: Flags.boolean({ summary: 'List every step of the branch.' }),
  };

  async run(): Promise<{ model: string; version: string } & DeviceResult> {
    const { args, flags } = await this.parse(BenchDevice);
    const bundle = readBundle(args.bundle);
    const program = flags.wait ? undefined : findBrowser(flags.browser);
    const { app, result } = await createDeviceBench(bundle);
    try {
      const url = `${await listen(app, { host: flags.host, port: flags.port })}/bench/?rounds=${flags.rounds}${program ? '&edge' : ''}`;
      if (!program) this.logToStderr(`open ${url} in the browser to be measured (Ctrl-C stops)`);
      const found = await (program ? Promise.race([result, browserUntil(program, url, result)]) : result);
      this.log(summary(found));
      if (flags.profile) this.log(`\n${steps(found)}`);
      const { name, version } = bundle.manifest;
      return { model: name, version, ...found };
    } finally {
      await app.close();
    }
  }
}

/** Opens the page in a browser of its own until `result` is there. Rejects where the browser ends before. */
async function browserUntil(program: string, url: string, result: Promise<unknown>): Promise<never> {
  const profile = mkdtempSync(join(tmpdir(), 'lcdnn-browser-'));
  const browser = spawn(program, [...HEADLESS, `--user-data-dir=${profile}`, url], { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  try {
    await Promise.race([
      result,
      ended.then(([code]) => {
        throw new UserError(
          `${program} ended with ${code} before it had measured anything; name another with --browser`,
        );
      }),
    ]);
    return (await result) as never;
  } finally {
    browser.kill();
    await ended.catch(() => {});
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function summary({ userAgent, simd, loadMs, branchMs, answerMs, edgeMs, memoryBytes }: DeviceResult): string {
  const spread = (samples: readonly number[]): string => {
    const sorted = samples.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(3);
    return `${at(0.5)} ms (median of ${sorted.length}; 5 % below ${at(0.05)}, 95 % below ${at(0.95)})`;
  };
  return table([
    ['browser', userAgent],
    ['kernels', simd ? 'SIMD128' : 'scalar'],
    ['one image', spread(branchMs)],
    ['from its Worker', spread(answerMs)],
    ...(edgeMs ? [['from the edge', spread(edgeMs)]] : []),
    ['load', `${loadMs.toFixed(1)} ms`],
    ['memory', fileSize(memoryBytes)],
  ]);
}

function steps({ steps: found }: DeviceResult): string {
  const total = found.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = found.map(({ kernel, milliseconds }, i) => [
    String(i + 1),
    kernel,
    (1000 * milliseconds).toFixed(1),
    `${((100 * milliseconds) / total).toFixed(1)} %`,
  ]);
  return table([['step', 'kernel', 'us', 'share'], ...rows], [0, 2, 3]);
}
