import { messageOf, UserError } from '../base/errors.js';
import type { Variant } from '../run/grid.js';
import { networkOf } from '../run/run-directory.js';
import { type DataOptions, loadNewData } from './run-data.js';
import { requireEngine, requireImages } from './train-run.js';

/**
 * Checks, before hours of training, that each of these variants can start: data, batch, network and engine.
 *
 * @throws UserError that names the variant that can't
 */
export async function requireTrainable(
  variants: readonly Variant[],
  { python, ...data }: DataOptions & { readonly python?: string },
): Promise<void> {
  if (variants.length === 0) return;
  const dataset = await loadNewData(variants[0].config, data);
  const started = new Set<string>();
  for (const { name, config } of variants) {
    try {
      networkOf(config, dataset.shape, dataset.labels.length);
      requireImages(config, dataset);
      const engine = `${config.engine} ${config.device} ${config.precision}`;
      if (!started.has(engine)) await requireEngine(config, python);
      started.add(engine);
    } catch (thrown) {
      throw thrown instanceof UserError ? new UserError(`variant ${name}: ${messageOf(thrown)}`) : thrown;
    }
  }
}
