import type { NamedArrays } from '../base/tensors.js';
import type { Config } from '../run/config.js';
import type { Engine } from './engines/engine.js';
import { createEngine, engineAfterTraining } from './engines/index.js';

/** Starts the engine that follows a run's training, with its parameters, and stops it whatever `use` does. */
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
