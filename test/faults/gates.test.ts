import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Gate } from '../../src/gates/gate.js';
import { BUNDLE, copyOf, fresh, lcdnn, RUN } from './cli.js';

const gatesOf = (stdout: string): Gate[] => JSON.parse(stdout).gates;

describe.concurrent('gates', () => {
  it('that pass end with 0, and are in --json, in the JUnit report and in the summary', async () => {
    const [run, junit, summary] = [copyOf(RUN), fresh('reports/gates.xml'), fresh('summary.md')];
    const limits = ['--min-accuracy', 'both=0', '--min-accuracy', 'branch=0', '--min-exits', '0', '--max-harm', '1'];
    const given = ['evaluate', run, ...limits, '--confident', '--junit', junit, '--summary', summary];
    const { code, stdout } = await lcdnn(...given, '--json');
    expect(code).toBe(0);
    const gates = gatesOf(stdout);
    expect(gates.map(({ name }) => name)).toEqual([
      'accuracy of both',
      'accuracy of branch',
      'early exits',
      'harmful exits',
    ]);
    expect(gates.every(({ passed, confident, interval }) => passed && confident && interval!.length === 2)).toBe(true);
    expect(readFileSync(junit, 'utf8')).toContain('<testsuites name="lcdnn" tests="4" failures="0"');
    await lcdnn(...given);
    expect(readFileSync(summary, 'utf8').match(/\| accuracy of both \| min 0.00 % \|/g)).toHaveLength(2);
  });

  it('that fail end with 3 and print limit and value', async () => {
    const junit = fresh('gates.xml');
    const { code, stdout, stderr } = await lcdnn('evaluate', copyOf(RUN), '--min-accuracy', 'full=1', '--junit', junit);
    expect([code, stderr]).toEqual([3, '']);
    expect(stdout).toMatch(/accuracy of full +min 100.00 % +\d+.\d\d % +.* +FAILED/);
    expect(readFileSync(junit, 'utf8')).toMatch(/<failure message="expected min 100.00 %, found \d+.\d\d %/);
  });

  it('against a baseline: the run itself loses nothing, but its interval is not certain of that', async () => {
    const run = copyOf(RUN);
    const drop = ['evaluate', run, '--against', RUN, '--max-drop', '0', '--json'];
    expect((await lcdnn(...drop)).code).toBe(0);
    expect((await lcdnn(...drop, '--confident')).code).toBe(3);
  });

  it('of a bundle: its download', async () => {
    const exported = (limit: string) =>
      lcdnn('export', RUN, '--uplink', 'f32', '--out', fresh(), '--max-bytes', limit, '--json');
    const [small, large] = await Promise.all([exported('1KB'), exported('10MB')]);
    expect([small.code, large.code]).toEqual([3, 0]);
    const [gate] = gatesOf(small.stdout);
    expect(gate).toMatchObject({ name: 'download', unit: 'bytes', limit: 1000, passed: false });
    expect(gate.value).toBe(JSON.parse(small.stdout).downloadBytes);
  });

  it('of data: copies of one class and copies between splits', async () => {
    const { code, stdout } = await lcdnn('data', 'check', 'tiny', '--fail-on', 'leakage,broken', '--json');
    const { copies } = JSON.parse(stdout) as { copies: { first: { split: string }; second: { split: string } }[] };
    const leaks = copies.filter(({ first, second }) => first.split !== second.split).length;
    expect(gatesOf(stdout)).toMatchObject([
      { name: 'leakage', limit: 0, value: leaks, passed: leaks === 0 },
      { name: 'broken', value: 0, passed: true },
    ]);
    expect(code).toBe(leaks > 0 ? 3 : 0);
  });

  it.each<[string[], RegExp]>([
    [
      ['evaluate', 'RUN', '--min-accuracy', 'both=98'],
      /error: --min-accuracy: expected a share from 0 to 1, such as 0.98/,
    ],
    [
      ['evaluate', 'RUN', '--min-accuracy', '0.9'],
      /error: --min-accuracy: expected NAME=SHARE, as both=0.98, found 0.9/,
    ],
    [
      ['evaluate', 'RUN', '--min-accuracy', 'exit=0.9'],
      /error: --min-accuracy: expected the name full, branch \(branch2, ...\) or both, found exit/,
    ],
    [
      ['evaluate', 'RUN', '--max-drop', '0.1'],
      /error: --max-drop: expected a run to compare with, found none; give --against/,
    ],
    [
      ['data', 'check', 'tiny', '--fail-on', 'copies'],
      /error: --fail-on: expected problems out of duplicates, leakage, .*, found copies/,
    ],
    [
      ['export', BUNDLE, '--target', 'triton', '--out', 'x', '--max-bytes', '1KB'],
      /error: --max-bytes: expected --target web/,
    ],
    [['evaluate', 'RUN', '--junit', 'gates.xml'], /error: gates.xml: expected a gate to report on, found none/],
  ])('refuse %j', async (args, line) => {
    const run = copyOf(RUN);
    const { code, stderr } = await lcdnn(...args.map((arg) => (arg === 'RUN' ? run : arg)));
    expect(stderr).toMatch(line);
    expect(code).toBe(2);
  });
});
