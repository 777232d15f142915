import type { NamedArrays } from '../base/tensors.js';
import type { Dataset } from '../datasets/dataset.js';
import { createLoader } from '../datasets/loading/create-loader.js';
import type { JointNetwork } from '../network/layers.js';
import type { Config } from '../run/config.js';
import { createEvaluator, type EvaluationEvents, type Evaluator } from './evaluate.js';
import { withEngine } from './with-engine.js';

/**
 * Starts an engine with trained parameters and passes an evaluator to `use`. When `use` ends or throws, it stops the
 * engine and the loading threads.
 *
 * @example
 * const logits = await withEvaluator(run.config, network, state, dataset, (evaluate) => evaluate(dataset.test));
 */
export async function withEvaluator<Result>(
  config: Pick<Config, 'engine' | 'device'>,
  network: JointNetwork,
  state: NamedArrays,
  dataset: Dataset,
  use: (evaluate: Evaluator) => Promise<Result>,
  events?: EvaluationEvents,
): Promise<Result> {
  const loader = createLoader(dataset);
  try {
    return await withEngine(config, state, async (engine) =>
      use(await createEvaluator(engine, network, dataset, loader, events)),
    );
  } finally {
    await loader.close();
  }
}
