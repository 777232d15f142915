import { InferenceSession } from '../base/onnxruntime.js';
import type { Values } from '../bundle/datatypes.js';
import { onnxTensor } from '../bundle/onnx-tensor.js';
import { TAIL_INPUT, TAIL_OUTPUT } from './float-model.js';
import type { Encoding } from './uplink/encoding.js';

/** A tail that runs in this process: from what devices send, one after another in its encoding, to logits [batch, classes]. */
export interface TailModel {
  infer(sent: Values, batch: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens a model from `tailModel`. @param shape of what one device sends, NHWC */
export async function openTailModel(
  model: Uint8Array,
  shape: readonly number[],
  { datatype }: Encoding = {},
): Promise<TailModel> {
  const session = await InferenceSession.create(model);
  return {
    async infer(sent, batch) {
      const feeds = { [TAIL_INPUT]: onnxTensor(sent, datatype ?? 'FP32', [batch, ...shape]) };
      return (await session.run(feeds))[TAIL_OUTPUT].data as Float32Array;
    },
    close: () => session.release(),
  };
}
