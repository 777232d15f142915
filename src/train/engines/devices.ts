import { messageOf, UserError } from '../../base/errors.js';
import * as ort from '../../base/onnxruntime.js';
import { createGraph, type Target } from '../../onnx/graph.js';
import type { Config } from '../../run/config.js';

/** Devices that ONNX Runtime can compute on. */
export type DeviceName = Exclude<Config['device'], 'mps'>;

/** ONNX Runtime's settings for a device. */
export interface Device {
  readonly target: Target;
  readonly session: ort.InferenceSession.SessionOptions;
  /**
   * Whether tensors can stay on the device between runs. onnxruntime-node 1.30 supports this only for WebGPU: its
   * binding knows no other memory than `WebGPU_Buffer`, so CUDA's parameters are copied at every step.
   */
  readonly keepsState: boolean;
}

export const DEVICES: Readonly<Record<DeviceName, Device>> = {
  cpu: { target: 'cpu', session: { executionProviders: ['cpu'] }, keepsState: false },
  webgpu: {
    target: 'gpu',
    // With NHWC, the default layout, ONNX Runtime transposes booleans, which only the CPU supports. Falling back to the
    // CPU would copy tensors at every step, so make it an error.
    session: {
      executionProviders: [{ name: 'webgpu', preferredLayout: 'NCHW' }],
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    },
    keepsState: true,
  },
  cuda: { target: 'gpu', session: { executionProviders: ['cuda'] }, keepsState: false },
};

/** What may be missing if a device doesn't start. */
const NEEDS: Readonly<Record<DeviceName, string>> = {
  cpu: 'onnxruntime-node for this system',
  webgpu: 'a graphics driver (on Linux a Vulkan driver and the library libvulkan.so.1, Debian: libvulkan1)',
  cuda:
    "NVIDIA's driver, CUDA 12 with cuDNN 9, and the CUDA libraries that onnxruntime-node fetches at install " +
    '(ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node; Linux on x64 only)',
};

/**
 * Starts a device by running one operator on it. @throws UserError that says what the device needs, if it doesn't start
 */
export async function requireDevice(name: DeviceName): Promise<void> {
  const graph = createGraph();
  const x = graph.input('x', 'float32', [1]);
  graph.output('y', graph.node('Add', [x, x]), 'float32', [1]);
  try {
    const session = await ort.InferenceSession.create(graph.encode('probe'), {
      ...DEVICES[name].session,
      logSeverityLevel: 4,
    });
    await session.run({ x: new ort.Tensor('float32', [1], [1]) });
    await session.release();
  } catch (thrown) {
    const [reason] = messageOf(thrown).split('\n');
    throw new UserError(
      `device ${name}: expected ${NEEDS[name]}, found: ${reason.slice(reason.lastIndexOf(' false. ') + 1)}; ` +
        'install what is missing, or use --device cpu',
    );
  }
}
