import { messageOf, UserError } from '../base/errors.js';
import type { Variant } from '../run/grid.js';
import { networkOf } from '../run/run-directory.js';
import { createEngine } from '../train/engines/index.js';
import { loadRunDataset } from './open-trained.js';
import { requireImages } from './train-run.js';

/**
 * Checks before hours of training that each of these variants can begin: data, batch, network, engine.
 *
 * @throws UserError that names the variant that can't.
 */
export async function requireTrainable(variants: readonly Variant[], dataDir: string | undefined): Promise<void> {
  if (variants.length === 0) return;
  const dataset = await loadRunDataset(variants[0].config, dataDir);
  for (const { name, config } of variants) {
    try {
      networkOf(config, dataset.shape, dataset.labels.length);
      requireImages(config, dataset);
      await (await createEngine(config.engine, config.device)).dispose();
    } catch (thrown) {
      throw thrown instanceof UserError ? new UserError(`variant ${name}: ${messageOf(thrown)}`) : thrown;
    }
  }
}
