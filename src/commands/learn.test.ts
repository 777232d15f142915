import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Config } from '@oclif/core';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { plainImage } from '../../test/image-files.js';
import { createRecordedRun, loadNewData } from '../api/run-data.js';
import { resolveConfig } from '../run/config.js';
import { networkOf } from '../run/run-directory.js';
import Learn from './learn.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-learn-'));
const photos = join(folder, 'my photos');
let config: Config;
let printed: string[];
let steps: string[];

beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', folder);
  for (const [label, name] of ['a', 'b'].entries()) {
    for (let i = 0; i < 20; i++) await plainImage(join(photos, name, `${i}.png`), [200 * label, 10 * i, 30]);
  }
  config = await Config.load(fileURLToPath(new URL('../..', import.meta.url)));
});

afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  [printed, steps] = [[], []];
  vi.spyOn(console, 'log').mockImplementation((text) => void printed.push(text));
  vi.spyOn(Config.prototype, 'runCommand').mockImplementation(async (id, argv = []) => {
    steps.push([id, ...argv].join(' '));
    const path = argv[argv.indexOf('--out') + 1];
    if (id !== 'train' || argv.includes('--resume')) return;
    const options = resolveConfig({ dataset: 'folder', dataDir: photos, imageSize: 16, width: 0.1, validation: 0.2 });
    const dataset = await loadNewData(options);
    createRecordedRun(path, options, networkOf(options, dataset.shape, 2), dataset);
  });
});

it('prints and runs one command after the other, and resumes a training that exists', async () => {
  const out = join(folder, 'out');
  await Learn.run([photos, '--out', out, '--seed', '3'], config);
  const [run, page] = [join(out, 'run'), join(out, 'page')];
  const limits = '--objective risk --epsilon 0.01 --delta 0.1 --cross-fit 5';
  const after = [`tune-tau ${run} ${limits}`, `evaluate ${run}`, `export ${run} --target web --out ${page}`];
  expect(steps).toEqual([
    `data:check ${photos} --seed 3`,
    `train --recipe photos --dataset folder --data-dir ${photos} --seed 3 --out ${run}`,
    ...after,
  ]);
  const text = printed.join('\n');
  expect(text).toContain(`$ lcdnn data check '${photos}' --seed 3\n`);
  expect(text).toMatch(/Proving 1\.00 % takes 230 for validation: about [\d,]+ photographs besides those for testing/);
  expect(text).toMatch(new RegExp(`\\n {2}lcdnn serve ${page}$`));

  steps = [];
  await Learn.run([photos, '--out', out, '--seed', '3'], config);
  expect(steps).toEqual([`data:check ${photos} --seed 3`, `train --resume ${run}`, ...after]);
});

it('uses the validation photographs where they are enough for the limit', async () => {
  await Learn.run([photos, '--out', join(folder, 'loose'), '--epsilon', '0.5', '--delta', '0.2'], config);
  expect(steps.find((step) => step.startsWith('tune-tau'))).toMatch(/--epsilon 0\.5 --delta 0\.2$/);
});
