import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
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
  const epochsOf = (dataDir: string | undefined, options = {}) =>
    newRunConfig({ dataDir, options: { dataset: 'folder', ...options } }).epochs;

  it('has fewer epochs for many photographs, unless they are given', () => {
    expect(epochsOf(photos(20))).toBe(30);
    expect(epochsOf(photos(1000))).toBe(13);
    expect(epochsOf(photos(1000), { epochs: 20 })).toBe(20);
    expect(epochsOf(photos(6000))).toBe(4);
    expect(epochsOf(join(folder, 'missing'))).toBe(30);
    expect(epochsOf(undefined)).toBe(30);
  });

  it('is for photographs without another network', () => {
    expect(newRunConfig({ options: { dataset: 'folder' } })).toMatchObject({ views: 8, sharedBits: 8 });
    expect(newRunConfig({ options: { dataset: 'folder', imageSize: 64 } }).views).toBe(0);
    expect(newRunConfig({ options: { dataset: 'folder', network: 'resnet18' } }).views).toBe(0);
  });

  it('fine-tunes the full network in a stage before the branch', () => {
    const config = newRunConfig({ options: { dataset: 'folder', fineTune: 4 } });
    expect(config).toMatchObject({ fineTune: 0, epochs: 32 });
    expect(config.stages).toEqual([
      {
        ...{ trains: 'full', fineTune: 4, epochs: 2, batchSize: 32 },
        ...{
          optimizer: 'nesterov',
          lr: 0.005,
          schedule: 'cosine',
          warmup: 0.1,
          weightDecay: 1e-4,
          labelSmoothing: 0.1,
        },
      },
      { trains: 'branch', epochs: 30 },
    ]);
  });
});
