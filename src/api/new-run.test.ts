import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Config } from '../run/config.js';
import { newRunConfig } from './new-run.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-new-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with two classes and this many images altogether. Their content doesn't matter here. */
function photos(count: number): string {
  const dataDir = join(folder, String(count));
  for (let i = 0; i < count; i++) {
    const directory = join(dataDir, 'train', i % 2 === 0 ? 'cat' : 'dog');
    mkdirSync(directory, { recursive: true });
    mkdirSync(directory.replace('train', 'test'), { recursive: true });
    writeFileSync(join(directory, `${i}.jpg`), String(i));
    if (i < 2) writeFileSync(join(directory.replace('train', 'test'), `${i}.jpg`), `test ${i}`);
  }
  return dataDir;
}

describe('recipe photos', () => {
  const planned = (dataDir: string | undefined, options = {}): number[] => {
    const { views, epochs } = newRunConfig({ dataDir, options: { dataset: 'folder', ...options } });
    return [views, epochs];
  };

  it('has fewer views and epochs for many photographs, unless they are given', () => {
    expect(planned(photos(20))).toEqual([24, 10]);
    expect(planned(photos(20), { views: 8 })).toEqual([8, 30]);
    expect(planned(photos(1000))).toEqual([10, 10]);
    expect(planned(photos(1000), { epochs: 20 })).toEqual([10, 20]);
    expect(planned(photos(1000), { views: 24, epochs: 1 })).toEqual([24, 1]);
    expect(planned(photos(6000))).toEqual([8, 4]);
    expect(planned(photos(20), { views: 0 })).toEqual([0, 30]);
    expect(planned(photos(20), { views: 1 })).toEqual([1, 30]);
    expect(planned(photos(6000), { views: 0 })[0]).toBe(0);
    // Without views there are no last layers to distil from.
    const folds = (options: Partial<Config>) =>
      newRunConfig({ options: { dataset: 'folder', ...options } }).distillationFolds;
    expect([folds({}), folds({ views: 0 })]).toEqual([4, 0]);
    expect(() => folds({ views: 0, distillationFolds: 4 })).toThrow(
      'distillationFolds: expected 0 in a run without --views, found 4; give --views, or leave it out',
    );
    expect(planned(join(folder, 'missing'))).toEqual([24, 10]);
    expect(planned(undefined)).toEqual([24, 10]);
  });

  it('is for photographs without another network', () => {
    expect(newRunConfig({ options: { dataset: 'folder' } })).toMatchObject({ views: 24, sharedBits: 8 });
    expect(newRunConfig({ options: { dataset: 'folder', imageSize: 64 } }).views).toBe(0);
    expect(newRunConfig({ options: { dataset: 'folder', network: 'resnet18' } }).views).toBe(0);
  });

  it('fine-tunes the full network in a stage before the branch', () => {
    const config = newRunConfig({ options: { dataset: 'folder', fineTune: 4 } });
    expect(config).toMatchObject({ fineTune: 0, epochs: 11 });
    expect(config.stages).toEqual([
      {
        ...{ trains: 'full', fineTune: 4, epochs: 1, batchSize: 32 },
        ...{
          optimizer: 'nesterov',
          lr: 0.005,
          schedule: 'cosine',
          warmup: 0.1,
          weightDecay: 1e-4,
          labelSmoothing: 0.1,
        },
      },
      { trains: 'branch', epochs: 10 },
    ]);
  });
});
