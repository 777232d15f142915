import { UserError } from '../../base/errors.js';
import type { Config } from '../../run/config.js';
import { type DeviceName, requireDevice } from './devices.js';
import type { Engine } from './engine.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';
import { createTensorflowEngine } from './tensorflow.js';

const ENGINES: Readonly<Record<string, (device: Config['device']) => Engine | Promise<Engine>>> = {
  async onnxruntime(device) {
    if (device === 'mps') throw unfit('onnxruntime', 'device cpu, webgpu or cuda', device, '--device webgpu');
    if (device !== 'cpu') await requireDevice(device);
    return createOnnxruntimeEngine({ device: device satisfies DeviceName });
  },
  tensorflow(device) {
    if (device === 'cpu') return createTensorflowEngine();
    throw unfit('tensorflow', 'device cpu', device, 'no --device (tfjs-node-gpu finds its GPU by itself)');
  },
};

/** PyTorch trains in its own process (`src/train/pytorch/`), because it doesn't run our tensor functions. */
export const PYTORCH = 'pytorch';

export const engineNames: readonly string[] = [...Object.keys(ENGINES), PYTORCH];

/**
 * Starts an engine by name, on a device.
 *
 * @throws UserError if the engine is unknown, its packages are missing, or the device doesn't start
 */
export async function createEngine(name: string, device: Config['device'] = 'cpu'): Promise<Engine> {
  const start = ENGINES[name];
  if (!start) throw new UserError(`no engine ${name}; expected one of: ${engineNames.join(', ')}`);
  return start(device);
}

/** The engine for everything after training, which doesn't need Python. */
export const engineAfterTraining = (name: string): string => (name === PYTORCH ? 'onnxruntime' : name);

function unfit(engine: string, expected: string, found: string, give: string): UserError {
  return new UserError(`engine ${engine}: expected ${expected}, found ${found}; give ${give}`);
}
