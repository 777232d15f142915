import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRun, readRunCheckpoint } from '../../src/run/run-directory.js';
import { BUNDLE, copyOf, EPOCHS, editJson, expectMistake, fresh, lcdnn, RUN } from './cli.js';

// What each way of damage is told is tested beside src/run/; here, that every command tells it.
const CHECKPOINT = 'checkpoint.safetensors';
const checkpoint = readFileSync(join(RUN, CHECKPOINT));

/** A copy of the run with another content of a file. */
function runWith(file: string, content: string | Uint8Array): string {
  const run = copyOf(RUN);
  writeFileSync(join(run, file), content);
  return run;
}

/** A copy of the run, with fields of its config or network changed. */
function runEdited(file: string, change: object): string {
  const run = copyOf(RUN);
  editJson(join(run, file), change);
  return run;
}

describe.concurrent('a checkpoint', () => {
  const foreign = readFileSync(join(BUNDLE, 'weights.safetensors'));
  it.each([
    ['train', ['--resume'], checkpoint.subarray(0, 100_000), /expected a safetensors file, found tensor/],
    [
      'tune-tau',
      [],
      Buffer.concat([checkpoint, Buffer.alloc(9)]),
      /expected a safetensors file, found 9 bytes after the last tensor/,
    ],
    ['evaluate', [], foreign, /expected a checkpoint of lcdnn \(lcdnn-checkpoint-1\), found another file/],
    ['export', ['--out', fresh()], Buffer.alloc(0), /expected a safetensors file, found 0 bytes/],
  ])('that is damaged or foreign is refused by %s', (command, flags, content, fault) => {
    const run = runWith(CHECKPOINT, content);
    return expectMistake([command, ...flags, run], new RegExp(`^error: ${run}/${CHECKPOINT}: ${fault.source}`));
  });

  it('that is absent is asked for', async () => {
    const run = copyOf(RUN);
    rmSync(join(run, CHECKPOINT));
    await expectMistake(['evaluate', run], `${run}/${CHECKPOINT}: no checkpoint yet; "lcdnn train --resume ${run}"`);
  });

  it('of another optimiser is not resumed', () => {
    const run = runEdited('config.json', { optimizer: 'momentum' });
    return expectMistake(
      ['train', '--resume', run],
      /expected optimizer\.velocity\.\S+ of shape .* for momentum, found/,
    );
  });
});

describe.concurrent('a run', () => {
  it.each([
    ['evaluate', 'config.json', '{', /config\.json: expected the config of a run, found text that isn't JSON/],
    ['tune-tau', 'network.json', 'lenet', /network\.json: expected the network of a run, found text that isn't JSON/],
    ['inspect', 'network.json', 'null', /network\.json: expected the network of a run, found/],
    [
      'evaluate',
      'tau.json',
      '{ "tau": 7 }',
      /tau\.json: expected what "lcdnn tune-tau" writes, found .*; run it again/,
    ],
    ['evaluate', 'metrics.jsonl', 'null\n', /metrics\.jsonl, line 1: expected the metrics of an epoch, found null/],
  ])('is refused by %s with a broken %s', (command, file, content, fault) =>
    expectMistake([command, runWith(file, content)], fault));

  it.each([
    [
      'data set',
      'config.json',
      { dataset: 'fashion-mnist-sample' },
      /expected the classes that it was trained with \(a, b, c\), found others/,
    ],
    ['engine', 'config.json', { engine: 'cuda' }, /no engine cuda; expected one of/],
    ['input', 'network.json', { input: [17, 17, 1] }, /network for the images of tiny \(16x16x1, 3 classes\), found/],
    [
      'layer',
      'network.json',
      { full: [{ type: 'magic' }] },
      /expected network lenet as this version of lcdnn builds it/,
    ],
  ])('whose %s was changed is refused', (_, file, change, fault) =>
    expectMistake(['evaluate', runEdited(file, change)], fault));

  it('whose threshold was never tuned is not exported', async () => {
    const run = copyOf(RUN);
    rmSync(join(run, 'tau.json'));
    await expectMistake(['export', run, '--out', fresh()], `run "lcdnn tune-tau ${run}" first`);
  });

  it('whose loss becomes NaN stops, keeps the last good checkpoint and says what to try', async () => {
    const run = runEdited('config.json', { epochs: EPOCHS + 2, lr: 1e30, schedule: 'constant' });
    const { code, stdout, stderr } = await lcdnn('train', '--resume', run);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /\nerror: the loss is no longer a number [^\n]* in epoch 4, step \d+; [^\n]*smaller --lr [^\n]*\n$/,
    );
    expect(readFileSync(join(run, CHECKPOINT)).equals(checkpoint)).toBe(true);
    expect(readRunCheckpoint(openRun(run)).progress.epoch).toBe(EPOCHS);
  });
});
