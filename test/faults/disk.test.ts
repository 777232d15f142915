import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import {
  BUNDLE,
  copyOf,
  EPOCHS,
  editJson,
  expectMistake,
  expectMistakeIn,
  fresh,
  lcdnn,
  leftovers,
  RUN,
  start,
  tinyOptions,
} from './cli.js';

/** A checkpoint of `tiny` is larger than this, all other files of a run are smaller. */
const SMALL_FILES = 'ulimit -f 500';

it('keeps the last good checkpoint where the next one finds no room, and goes on from it later', async () => {
  const run = copyOf(RUN);
  editJson(join(run, 'config.json'), { epochs: EPOCHS + 2 });
  const roomy = copyOf(run);
  const before = readFileSync(join(run, 'checkpoint.safetensors'));
  const { code, stdout, stderr } = await start(['train', '--resume', run], SMALL_FILES).ended;
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /\nerror: \S+checkpoint\.safetensors: the file is larger than the system allows .*raise the limit.*\n$/,
  );
  expect(readFileSync(join(run, 'checkpoint.safetensors')).equals(before)).toBe(true);
  expect(readRunCheckpoint(openRun(run)).progress.epoch).toBe(EPOCHS);
  expect(leftovers(run)).toEqual([]);
  await Promise.all([lcdnn('train', '--resume', run), lcdnn('train', '--resume', roomy)]);
  const after = readFileSync(join(run, 'checkpoint.safetensors'));
  expect(after.equals(readFileSync(join(roomy, 'checkpoint.safetensors')))).toBe(true);
  expect(readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')).toHaveLength(EPOCHS + 2);
});

it('keeps the older results where new ones find no room', async () => {
  const run = copyOf(RUN);
  const before = readFileSync(join(run, 'tau.json'));
  expectMistakeIn(
    await start(['tune-tau', run], 'ulimit -f 1').ended,
    /tau\.json: the file is larger than the system allows/,
  );
  expect(readFileSync(join(run, 'tau.json')).equals(before)).toBe(true);
  expect(leftovers(run)).toEqual([]);
});

it('keeps the older bundle where a new one finds no room', async () => {
  const bundle = copyOf(BUNDLE);
  const before = readFileSync(join(bundle, 'manifest.json'));
  expectMistakeIn(
    await start(['export', RUN, '--out', bundle], 'ulimit -f 40').ended,
    /the file is larger than the system allows/,
  );
  expect(readFileSync(join(bundle, 'manifest.json')).equals(before)).toBe(true);
  expect(leftovers(join(bundle, '..'))).toEqual([]);
});

it.each(['/dev/null/x', '/dev/full'])('does not train into %s', (out) =>
  expectMistake(['train', ...tinyOptions(1), '--out', out], /^error: \/dev\/\S+: can't be written.*another folder/));

it('does not train into a folder that holds a run, and leaves it as it is', async () => {
  const run = copyOf(RUN);
  const before = readFileSync(join(run, 'checkpoint.safetensors'));
  await expectMistake(
    ['train', ...tinyOptions(1), '--out', run],
    `${run}: already contains a run; continue it with --resume ${run}, or choose another --out`,
  );
  expect(readFileSync(join(run, 'checkpoint.safetensors')).equals(before)).toBe(true);
});

it('writes nothing where the data can not give what the options ask for', async () => {
  const options = ['train', '--dataset', 'tiny', '--epochs', '1'];
  const out = fresh('run');
  await expectMistake([...options, '--validation', '120', '--out', out], /validation: expected .* from 1 to 119/);
  expect(existsSync(out)).toBe(false);
});

it('does not export over what is no bundle', async () => {
  const out = fresh('out');
  mkdirSync(out);
  writeFileSync(join(out, 'thesis.txt'), 'mine');
  await expectMistake(
    ['export', RUN, '--out', out],
    /expected an empty folder or a bundle to replace, found thesis\.txt/,
  );
  expect(readFileSync(join(out, 'thesis.txt'), 'utf8')).toBe('mine');
});

it('knows what is no run', async () => {
  const empty = fresh('empty');
  mkdirSync(empty);
  const line =
    /^error: \S+: expected a run directory with a config\.json, found none; create one with "lcdnn train"\n$/;
  await Promise.all([
    expectMistake(['train', '--resume', empty], line),
    expectMistake(['train', '--resume', 'nowhere'], line),
    expectMistake(['tune-tau', '/dev/null'], line),
    expectMistake(['export', empty, '--out', fresh()], line),
  ]);
});
