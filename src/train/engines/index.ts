import { UserError } from '../../base/errors.js';
import type { Engine } from './engine.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';
import { createTensorflowEngine } from './tensorflow.js';

const ENGINES: Readonly<Record<string, () => Engine | Promise<Engine>>> = {
  onnxruntime: () => createOnnxruntimeEngine(),
  tensorflow: createTensorflowEngine,
};

export const engineNames: readonly string[] = Object.keys(ENGINES);

/** Starts an engine by name. @throws UserError where there is none of that name, or its packages are missing. */
export async function createEngine(name: string): Promise<Engine> {
  const start = ENGINES[name];
  if (!start) throw new UserError(`no engine ${name}; expected one of: ${engineNames.join(', ')}`);
  return start();
}
