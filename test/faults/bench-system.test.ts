import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSystemResults } from '../../src/evaluation/results.js';
import { copyOf, expectMistake, fresh, lcdnn, RUN } from './cli.js';

let run: string;

beforeAll(async () => {
  run = copyOf(RUN);
  const { code, stderr } = await lcdnn('evaluate', run);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('measures every approach, for "report" to draw', async () => {
  const out = fresh('results.json');
  const { code, stdout } = await lcdnn('bench', 'system', run, '--quick', '--network', 'wifi', '--out', out);
  expect(code).toBe(0);
  expect(stdout).toMatch(/lenet on tiny.*over wifi.*mobile-only-int8/s);
  const [{ approaches }] = readSystemResults(out).networks;
  const of = (name: string) => approaches.find(({ approach }) => approach === name)!;
  const names = ['lcdnn', 'mobile-only', 'mobile-only-int8', 'edge-only', 'neurosurgeon', 'edgent', 'binary'];
  expect(approaches.map(({ approach }) => approach)).toEqual(names);
  for (const { approach, measurements, edge } of approaches) {
    const [{ cold, warm }] = measurements;
    const { downloadMs, compileMs, computeMs, uplinkMs, edgeMs } = cold.parts;
    expect(warm.eachMs.length, approach).toBe(20);
    expect(cold.meanMs, approach).toBeGreaterThanOrEqual(0.99 * (downloadMs + compileMs + computeMs));
    expect(uplinkMs > 0 && edgeMs > 0, approach).toBe(cold.bytesUp > 0);
    expect(edge.perSecond !== undefined, approach).toBe(edge.asked > 0);
  }
  expect(of('lcdnn').downloadBytes).toBeLessThan(of('mobile-only').downloadBytes / 10);
  expect(of('edge-only').edge.asked).toBe(1);
  expect(of('binary').measurements[0].cold.bytesUp).toBe(0);
  expect(of('mobile-only').accuracy).toEqual(of('edge-only').accuracy);
  const page = fresh('report.html');
  expect((await lcdnn('report', out, '--out', page)).code).toBe(0);
  expect(existsSync(page)).toBe(true);
});

it('plans a baseline and runs it', async () => {
  const out = fresh('edgent');
  const planned = await lcdnn('baseline', 'plan', 'neurosurgeon', run, '--network', 'wifi', '--out', out, '--json');
  expect(planned.code).toBe(0);
  const { considered, expected, plan } = JSON.parse(planned.stdout);
  expect(considered.map((one: { plan: string }) => one.plan)).toContain(plan);
  expect(expected.latencyMs).toBe(Math.min(...considered.map((one: { latencyMs: number }) => one.latencyMs)));
  const { code, stdout } = await lcdnn('baseline', 'run', out, run, '--network', 'wifi', '--visits', '1', '--json');
  expect(code).toBe(0);
  const found = JSON.parse(stdout);
  // Of the network that lcdnn evaluated: 30 test images.
  expect(found.images).toBe(30);
  expect(found.right / 30).toBeCloseTo(JSON.parse((await lcdnn('evaluate', run, '--json')).stdout).full.accuracy, 6);
});

describe.concurrent('bad input of bench system', () => {
  it.each<[string, () => string[], RegExp]>([
    ['an unknown connection', () => [run, '--network', '4g,6g'], /network: expected one of 3g, 4g, 5g, wifi, found 6g/],
    ['no bandwidth', () => [run, '--up', '0'], /--up: expected a bandwidth above 0 Mbit\/s, found 0/],
    ['a slowdown that is none', () => [run, '--slowdown', '0.5'], /--slowdown: expected numbers from 1 to 20/],
    [
      'an approach that is none',
      () => [run, '--without', 'cloud'],
      /--without: expected some of mobile-only,.*found cloud/,
    ],
    [
      'no browser',
      () => [run, '--browser', '/nowhere/chromium'],
      /expected a Chromium or Chrome at \/nowhere\/chromium/,
    ],
    ['a run that is none', () => [fresh('none')], /none/],
  ])('%s', async (_, args, line) => {
    await expectMistake(['bench', 'system', ...args()], line);
  });

  it.each([
    ['tau.json', /expected a tuned threshold, found none; run "lcdnn tune-tau /],
    ['test.json', /expected its accuracy on the test split, found none; run "lcdnn evaluate /],
  ])('a run without %s', async (file, line) => {
    const broken = copyOf(run);
    rmSync(join(broken, file));
    await expectMistake(['bench', 'system', broken], line);
  });
});

describe.concurrent('bad input of baseline plan and run', () => {
  it.each<[string, () => string[], RegExp]>([
    ['an approach that is none', () => ['plan', 'cloud', run], /expected.*cloud.*--help/i],
    ['two connections', () => ['plan', 'neurosurgeon', run, '--network', '3g,4g'], /expected one connection/],
    [
      'exits that are binary',
      () => ['plan', 'edgent', run, '--exits', run],
      /expected float layers, found binary ones/,
    ],
    ['a folder without a plan', () => ['run', fresh('none'), run], /what "lcdnn baseline plan" writes/],
  ])('%s', async (_, args, line) => {
    await expectMistake(['baseline', ...args()], line);
  });
});
