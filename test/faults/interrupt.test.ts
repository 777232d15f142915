import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import { copyOf, fresh, lcdnn, leftovers, RUN, start, tinyOptions } from './cli.js';

const LONG = 24;
const whole = fresh('whole');
const wholeTrained = lcdnn('train', ...tinyOptions(LONG), '--out', whole);

const checkpointOf = (run: string): Buffer => readFileSync(join(run, 'checkpoint.safetensors'));
const epochsOf = (run: string): number[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).epoch);

/** What an uninterrupted run gives, to the byte, and no litter. */
async function expectLikeWhole(run: string): Promise<void> {
  expect((await wholeTrained).code).toBe(0);
  expect(checkpointOf(run).equals(checkpointOf(whole))).toBe(true);
  expect(epochsOf(run)).toEqual(Array.from({ length: LONG }, (_, i) => i + 1));
  expect(leftovers(run)).toEqual([]);
}

it('ends, killed at random moments and resumed, with the bytes of an uninterrupted run', async () => {
  const run = fresh('run');
  let killed = 0;
  for (let round = 0; round < 6; round++) {
    const how = existsSync(join(run, 'config.json')) ? ['--resume', run] : [...tinyOptions(LONG), '--out', run];
    const training = start(['train', ...how]);
    await training.printed('lenet on tiny');
    await Promise.race([training.ended, sleep(Math.random() * 500)]);
    training.child.kill('SIGKILL');
    if ((await training.ended).code === null) killed++;
  }
  expect(killed).toBeGreaterThan(2);
  expect((await lcdnn('train', '--resume', run)).code).toBe(0);
  await expectLikeWhole(run);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('saves at %s, exits with %i, and resumes to the bytes of an uninterrupted run', async (signal, code) => {
  const run = fresh('run');
  const training = start(['train', ...tinyOptions(LONG), '--out', run]);
  await training.printed('epoch  2/');
  training.child.kill(signal);
  const ended = await training.ended;
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  expect(ended.stderr).not.toMatch(/error|^\s+at /m);
  expect(leftovers(run)).toEqual([]);
  expect(readRunCheckpoint(openRun(run)).progress.totalSteps).toBeGreaterThanOrEqual(20);
  const resumed = await lcdnn('train', '--resume', run);
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).toContain('resumed at epoch');
  await expectLikeWhole(run);
});

it('ends at Ctrl-C with loading threads, and leaves the bytes that training alone gives', async () => {
  const run = fresh('run');
  const training = start(['train', ...tinyOptions(LONG), '--loaders', '2', '--out', run]);
  await training.printed('epoch  2/');
  training.child.kill('SIGINT');
  const ended = await training.ended;
  expect(ended.code).toBe(130);
  expect(ended.stderr).not.toMatch(/error|^\s+at /m);
  expect((await lcdnn('train', '--resume', run, '--loaders', '1')).code).toBe(0);
  await expectLikeWhole(run);
});

it('quits at the second Ctrl-C without saving', { retry: 3 }, async () => {
  const run = fresh('run');
  const training = start(['train', ...tinyOptions(LONG), '--out', run]);
  await training.printed('epoch  2/');
  // Both wait for a stopped process; two of a kind would count as one. A step that still ends between them is saved, so
  // the test is repeated.
  for (const signal of ['SIGSTOP', 'SIGINT', 'SIGTERM', 'SIGCONT'] as const) training.child.kill(signal);
  expect((await training.ended).code).toSatisfy((code) => code === 130 || code === 143);
  const { epoch, step } = readRunCheckpoint(openRun(run)).progress;
  expect(epoch).toBeGreaterThan(1);
  expect(step).toBe(0); // one signal alone saves after a step
});

it('keeps another process from going on with a run under way, which is not disturbed', async () => {
  const run = fresh('run');
  const training = start(['train', ...tinyOptions(LONG), '--out', run]);
  await training.printed('epoch  2/');
  training.child.kill('SIGSTOP');
  const other = await lcdnn('train', '--resume', run);
  training.child.kill('SIGCONT');
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(
    new RegExp(`^error: .*: process ${training.child.pid} on \\S+ is training this run; stop it`),
  );
  expect((await training.ended).code).toBe(0);
  expect(existsSync(join(run, 'train.lock'))).toBe(false);
  await expectLikeWhole(run);
});

it('leaves stdout empty at Ctrl-C under --json', async () => {
  const run = fresh('run');
  const training = start(['train', ...tinyOptions(LONG), '--out', run, '--json']);
  while (!existsSync(join(run, 'metrics.jsonl'))) await sleep(20);
  training.child.kill('SIGINT');
  expect(await training.ended).toEqual({ code: 130, stdout: '', stderr: '' });
});

it('starts again from the seed where a run was killed before its first checkpoint, and clears up', async () => {
  const run = copyOf(RUN);
  rmSync(join(run, 'checkpoint.safetensors'));
  writeFileSync(join(run, '.checkpoint.safetensors.0123456789ab.tmp'), 'half');
  expect((await lcdnn('train', '--resume', run)).code).toBe(0);
  expect(checkpointOf(run).equals(checkpointOf(RUN))).toBe(true);
  expect(epochsOf(run)).toEqual([1, 2, 3]);
  expect(leftovers(run)).toEqual([]);
});
