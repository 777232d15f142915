import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { resolveConfig } from './config.js';
import { readRecipe } from './recipes.js';
import {
  createRun,
  type EpochMetrics,
  networkOf,
  openRun,
  readMetrics,
  readRunCheckpoint,
  requireFitting,
  writeMetrics,
} from './run-directory.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = resolveConfig({ epochs: 4, lr: 0.1, inputScale: true });
const original = createRun(join(folder, 'run'), config, networkOf(config, [28, 28, 1], 10));

/** A copy of the run with a file changed. */
function runWith(file: string, content: string): string {
  const copy = mkdtempSync(join(folder, 'copy-'));
  cpSync(original.path, copy, { recursive: true });
  writeFileSync(join(copy, file), content);
  return copy;
}

const edited = (file: string, change: object): string =>
  runWith(file, JSON.stringify({ ...JSON.parse(readFileSync(join(original.path, file), 'utf8')), ...change }));

describe('a run directory', () => {
  it('opens as it was created', () => {
    expect(openRun(original.path)).toEqual(original);
  });

  it('is not created where one is', () => {
    expect(() => createRun(original.path, config, original.network)).toThrow(
      /already contains a run; continue it with --resume/,
    );
  });

  it('is not created where nothing can be', () => {
    expect(() => createRun('/dev/null/x', config, original.network)).toThrow(/can't be written there .*another folder/);
  });

  it('is created where a kill left half of one', () => {
    const half = edited('config.json', {});
    rmSync(join(half, 'config.json'));
    expect(() => openRun(half)).toThrow(/expected a run directory with a config\.json, found none/);
    expect(createRun(half, config, original.network).path).toBe(half);
    expect(existsSync(join(half, 'config.json'))).toBe(true);
  });

  it('writes its metrics as a table too, with numbered columns for later exits', () => {
    const copy = openRun(edited('config.json', {}));
    const line = { epoch: 1, fullLoss: 2, branchLoss: 3, trainFullAccuracy: 0.1, trainBranchAccuracy: 0.2 };
    const rest = { fullAccuracy: 0.3, branchAccuracy: 0.4, lr: 0.002, imagesPerSecond: 7 };
    const further = [{ branchLoss: 5, trainBranchAccuracy: 0.6, branchAccuracy: 0.7 }];
    writeMetrics(copy, [
      { ...line, ...rest, further },
      { ...line, ...rest, epoch: 2, loadingShare: 0.5, further },
    ]);
    expect(readFileSync(join(copy.path, 'metrics.csv'), 'utf8').split('\n')).toEqual([
      'epoch,fullLoss,branchLoss,trainFullAccuracy,trainBranchAccuracy,fullAccuracy,branchAccuracy,lr,imagesPerSecond,' +
        'branch2Loss,trainBranch2Accuracy,branch2Accuracy,loadingShare',
      '1,2,3,0.1,0.2,0.3,0.4,0.002,7,5,0.6,0.7,',
      '2,2,3,0.1,0.2,0.3,0.4,0.002,7,5,0.6,0.7,0.5',
      '',
    ]);
  });

  it('says that it has no checkpoint yet', () => {
    expect(() => readRunCheckpoint(original)).toThrow(/no checkpoint yet; "lcdnn train --resume .*" writes one/);
  });

  it.each([
    ['', /config\.json: expected the config of a run, found text that isn't JSON/],
    ['{}', /config\.json: branchLr: expected a number, found nothing/],
    ['7', /config\.json: expected an object of options, found 7/],
  ])('is refused with the config %j', (content, fault) => {
    expect(() => openRun(runWith('config.json', content))).toThrow(fault);
  });

  it('has the number of its format; runs of earlier versions have none, and newer ones are refused', () => {
    const { format, ...written } = JSON.parse(readFileSync(join(original.path, 'config.json'), 'utf8'));
    expect(format).toBe(1);
    expect(openRun(runWith('config.json', JSON.stringify(written))).config).toEqual(config);
    expect(readRecipe(join(original.path, 'config.json')).options).toEqual(config);
    expect(() => openRun(edited('config.json', { format: 2, newOption: 1 }))).toThrow(
      /config\.json: expected the config of a run in format 1 or earlier, found format 2, .* update lcdnn/,
    );
  });

  it('takes the defaults of options that are newer than it', () => {
    const { mixup, warmup, ...older } = config;
    expect(openRun(runWith('config.json', JSON.stringify(older))).config).toEqual({ ...config, mixup: 0, warmup: 0 });
  });

  it.each([
    [{ lr: -1 }, /config\.json: lr: expected a number above 0, found -1$/],
    [{ lr: null, seed: 'x' }, /lr: expected a number, found null; seed: expected a number, found "x"$/],
    [{ schedule: 'quadratic' }, /schedule: expected one of constant, step, cosine, linear, found "quadratic"$/],
    [{ momentum: 0.5 }, /no option is called momentum; the options are network, width, form, attach/],
    [{ network: 'resnet' }, /no network resnet; expected one of: lenet/],
  ])('is refused with %j in its config', (change, fault) => {
    expect(() => openRun(edited('config.json', change))).toThrow(fault);
  });

  it.each([
    [{ input: [28, 28] }, /network\.json: expected the network of a run, found/],
    [{ input: [-28, 28, 1] }, /expected the network of a run, found/],
    [{ classes: 'ten' }, /expected the network of a run, found/],
    [
      { shared: [{ type: 'magic' }] },
      /expected network lenet as this version of lcdnn builds it, found a different one/,
    ],
    [{ name: 'resnet' }, /expected network lenet as this version/],
  ])('is refused with %j in its network', (change, fault) => {
    expect(() => openRun(edited('network.json', change))).toThrow(fault);
  });

  it('is refused for images of another size or with other classes', () => {
    const labels = Array.from('0123456789');
    expect(() => requireFitting(original, { shape: [28, 28, 1], labels })).not.toThrow();
    expect(() => requireFitting(original, { shape: [28, 27, 1], labels })).toThrow(
      /\(28x27x1, 10 classes\), found one/,
    );
    expect(() => requireFitting(original, { shape: [28, 28, 1], labels: ['a'] })).toThrow(
      /found one for 28x28x1 and 10;/,
    );
  });
});

describe('metrics', () => {
  const line: EpochMetrics = {
    epoch: 1,
    fullLoss: 0.1 + 0.2,
    branchLoss: 2,
    trainFullAccuracy: 0.5,
    trainBranchAccuracy: 0.5,
    fullAccuracy: 1,
    branchAccuracy: 0,
    lr: 1e-9,
    imagesPerSecond: 1234.5,
  };

  it('are none before the first epoch, then what was written, with the share of loading or without', () => {
    expect(readMetrics(original)).toEqual([]);
    const lines = [line, { ...line, epoch: 2, loadingShare: 0.25 }];
    writeMetrics(original, lines);
    expect(readMetrics(original)).toEqual(lines);
  });

  it('hold the further exits of an epoch', () => {
    const several = { ...line, further: [{ branchLoss: 1, trainBranchAccuracy: 0.5, branchAccuracy: 0.25 }] };
    writeMetrics(original, [several]);
    expect(readMetrics(original)).toEqual([several]);
  });

  it.each(['{"epoch":1,', 'null', '{}', JSON.stringify({ ...line, epoch: 'one' })])('are refused as %j', (text) => {
    const run = { ...original, path: runWith('metrics.jsonl', `${JSON.stringify(line)}\n${text}\n`) };
    expect(() => readMetrics(run)).toThrow(/metrics\.jsonl, line \d+: expected the metrics of an epoch, found/);
  });
});
