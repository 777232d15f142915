import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, expectMistake, fresh, lcdnn, RUN } from './cli.js';

let run: string;

beforeAll(async () => {
  run = copyOf(RUN);
  const { code, stderr } = await lcdnn('evaluate', run);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

describe.concurrent('bad input of bench system', () => {
  it.each<[string, () => string[], RegExp]>([
    ['an unknown connection', () => [run, '--network', '4g,6g'], /network: expected one of 3g, 4g, 5g, wifi, found 6g/],
    ['no bandwidth', () => [run, '--up', '0'], /--up: expected a bandwidth above 0 Mbit\/s, found 0/],
    ['a slowdown that is none', () => [run, '--slowdown', '0.5'], /--slowdown: expected numbers from 1 to 20/],
    [
      'an approach that is none',
      () => [run, '--without', 'cloud'],
      /--without: expected some of lcdnn-first, mobile-only,.*found cloud/,
    ],
    [
      'no browser',
      () => [run, '--browser', '/nowhere/chromium'],
      /expected a Chromium or Chrome at \/nowhere\/chromium/,
    ],
    [
      'a model for LiteRT.js that is none',
      () => [run, '--litert', 'none.tflite'],
      /none\.tflite: expected a \.tflite model/,
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
      /expected a run with exits in float, found binary ones/,
    ],
    ['a folder without a plan', () => ['run', fresh('none'), run], /what "lcdnn baseline plan" writes/],
  ])('%s', async (_, args, line) => {
    await expectMistake(['baseline', ...args()], line);
  });
});
