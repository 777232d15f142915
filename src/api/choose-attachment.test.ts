import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { firstImages } from '../../test/tiny-dataset.js';
import type { Dataset } from '../datasets/dataset.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import { type Config, resolveConfig } from '../run/config.js';
import { networkOf } from '../run/run-directory.js';
import { initialParameters } from '../train/initial-state.js';
import { epochStart } from '../train/reports.js';
import { attachmentTable, chooseAttachment } from './choose-attachment.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-attachment-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IMAGES = 200;

async function photographs(): Promise<Dataset> {
  return firstImages(IMAGES, await loadDataset('fashion-mnist-sample'));
}

/** A run that starts from a trained network, here a random one. */
function startOf(options: Partial<Config>): Config {
  const config = resolveConfig({ views: 1, ...options });
  const network = networkOf({ ...config, attach: 'conv1', branch: 'mirror' }, [28, 28, 1], 10);
  const initFrom = join(folder, `${config.network}.safetensors`);
  writeCheckpoint(initFrom, { progress: epochStart(0, 0), state: initialParameters(network, 7) });
  return { ...config, initFrom };
}

it('chooses where most images exit, of the layers within the budget', async () => {
  const config = startOf({ attach: 'auto', branch: 'blocks=1', sharedBits: 8 });
  const dataset = await photographs();
  const all = await chooseAttachment(config, dataset, 1e6);
  expect(all.estimates.map(({ attach }) => attach)).toEqual(['conv1', 'conv2']);
  const [first, second] = all.estimates;
  expect(second.bytes).toBeGreaterThan(first.bytes);
  expect(second.uplinkBytes).toBeLessThan(first.uplinkBytes);
  // Random convolutions already tell clothes apart.
  for (const { accuracy, exitRatio } of all.estimates) {
    expect(accuracy).toBeGreaterThan(0.4);
    expect(exitRatio).toBeGreaterThan(0);
    expect(exitRatio).toBeLessThanOrEqual(1);
  }
  const best = second.exitRatio > first.exitRatio ? second : first;
  expect(all.attach).toBe(best.attach);
  expect(attachmentTable(all)).toContain(`* ${best.attach}`);
  const small = await chooseAttachment(config, dataset, (first.bytes + second.bytes) / 2);
  expect(small).toEqual({ attach: 'conv1', estimates: [first] });
  await expect(chooseAttachment(config, dataset, 1000)).rejects.toThrow(
    /budget: expected at least [\d.]+ KB, the page with a branch behind conv1, found 1.0 KB/,
  );
});
