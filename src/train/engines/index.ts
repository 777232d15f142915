import { UserError } from '../../base/errors.js';
import { type DeviceName, requireDevice } from './devices.js';
import type { Engine } from './engine.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';
import { createTensorflowEngine } from './tensorflow.js';

const ENGINES: Readonly<Record<string, (device: DeviceName) => Engine | Promise<Engine>>> = {
  async onnxruntime(device) {
    if (device !== 'cpu') await requireDevice(device);
    return createOnnxruntimeEngine({ device });
  },
  tensorflow(device) {
    if (device === 'cpu') return createTensorflowEngine();
    throw new UserError(
      `engine tensorflow: expected device cpu, found ${device}; leave out --device (tfjs-node-gpu finds its GPU by itself)`,
    );
  },
};

export const engineNames: readonly string[] = Object.keys(ENGINES);

/**
 * Starts an engine by name, on a device.
 *
 * @throws UserError where there is none of that name, its packages are missing, or the device does not start
 */
export async function createEngine(name: string, device: DeviceName = 'cpu'): Promise<Engine> {
  const start = ENGINES[name];
  if (!start) throw new UserError(`no engine ${name}; expected one of: ${engineNames.join(', ')}`);
  return start(device);
}
