import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { firstImages } from '../../test/tiny-dataset.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import { type Config, resolveConfig } from '../run/config.js';
import { createRun, networkOf } from '../run/run-directory.js';
import { initialParameters } from '../train/initial-state.js';
import { epochStart } from '../train/reports.js';
import { crossFit } from './cross-fit.js';
import type { Trained } from './open-trained.js';
import { tuneTrained } from './tune-tau.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-cross-fit-'));
beforeAll(() => vi.stubEnv('XDG_CACHE_HOME', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const IMAGES = 121;

async function opened(name: string, options: Partial<Config>): Promise<Trained> {
  const config = resolveConfig({ epochs: 1, batchSize: 20, validation: 10, width: 0.2, ...options });
  const dataset = firstImages(IMAGES, await loadDataset('fashion-mnist-sample'));
  const network = networkOf(config, dataset.shape, 10);
  const initFrom = join(folder, 'start.safetensors');
  writeCheckpoint(initFrom, { progress: epochStart(0, 0), state: initialParameters(network, 7) });
  const run = createRun(join(folder, name), { ...config, initFrom }, network);
  return { run, dataset } as Trained;
}

it('answers each image once, by a head that was not trained on it, the same way each time', async () => {
  const trained = await opened('views', { views: 2 });
  const notes: string[] = [];
  const answers = await crossFit(trained, 3, { onNote: (text) => notes.push(text) });
  expect(notes).toEqual([1, 2, 3].map((fold) => `training the head of fold ${fold} of 3`));
  expect(answers.branches[0]).toHaveLength(10 * IMAGES);
  expect([...answers.labels].sort()).toEqual([...trained.dataset.train.labels].sort());
  expect(await crossFit(trained, 3)).toEqual(answers);
});

it('ends with the reason of the signal, within a fold', async () => {
  const trained = await opened('stopped', { views: 2, epochs: 1000 });
  const controller = new AbortController();
  const onNote = () => void setTimeout(() => controller.abort(new Error('stopped')), 500);
  await expect(crossFit(trained, 3, { onNote, signal: controller.signal })).rejects.toThrow('stopped');
});

it('estimates what a run without validation images has learned', async () => {
  const trained = await opened('all', { views: 1, validation: 0 });
  expect((await crossFit(trained, 2)).labels).toHaveLength(IMAGES);
  const { run } = trained;
  await expect(tuneTrained(trained)).rejects.toThrow(
    `${run.path}: expected validation images to tune on, found validation 0; give --cross-fit 3`,
  );
});

it('needs a run that was trained on views, and an image for each fold', async () => {
  await expect(tuneTrained(await opened('images', {}), { crossFit: 3 })).rejects.toThrow(
    /expected a run that was trained with --views/,
  );
  const { run, dataset } = await opened('few', { views: 1 });
  const train = { ...dataset.train, count: 2, labels: dataset.train.labels.subarray(0, 2) };
  const few = { run, dataset: { ...dataset, train } } as Trained;
  await expect(crossFit(few, 3)).rejects.toThrow(/expected at least 3 photographs, one for each fold, found 2/);
});
