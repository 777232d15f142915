import type { NamedArrays } from '../base/tensors.js';
import type { Config } from '../run/config.js';
import type { Engine } from './engines/engine.js';
import { createEngine, engineAfterTraining } from './engines/index.js';

/**
 * Starts an engine for the work after a run's training, with the run's parameters. Stops it when `use` ends or throws.
 */
export async function withEngine<Result>(
  { engine: name, device }: Pick<Config, 'engine' | 'device'>,
  state: NamedArrays,
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  const engine = await createEngine(engineAfterTraining(name), device);
  try {
    engine.setState(state);
    return await use(engine);
  } finally {
    await engine.dispose();
  }
}
