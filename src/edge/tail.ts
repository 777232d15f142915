import { messageOf, UserError } from '../base/errors.js';
import { InferenceSession } from '../base/onnxruntime.js';
import type { Values } from '../bundle/datatypes.js';
import { onnxTensor } from '../bundle/onnx-tensor.js';
import type { Bundle } from '../bundle/read-bundle.js';

/** The tail: the rest of the full network, running in ONNX Runtime. */
export interface Tail {
  /**
   * Computes logits [batch, classes].
   *
   * @param sent what devices send: [batch, ...shape] (NHWC) in the tail's datatype
   */
  infer(sent: Values, batch: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens the tail of a bundle. It computes in the calling thread, which is blocked meanwhile.
 *
 * @param threads number of threads for one batch; default: ONNX Runtime's
 * @throws UserError if the file isn't an ONNX model with the tensors that the manifest names
 */
export async function openTail({ manifest, files }: Bundle, threads?: number): Promise<Tail> {
  const { file, shape, input, output, datatype = 'FP32' } = manifest.tail;
  const options = { intraOpNumThreads: threads };
  const session = await InferenceSession.create(files.get(file)!, threads ? options : {}).catch((thrown) => {
    throw new UserError(`${file}: expected an ONNX model, found: ${messageOf(thrown)}; export the bundle again`);
  });
  if (session.inputNames.join() !== input || !session.outputNames.includes(output)) {
    const found = `${session.inputNames} and ${session.outputNames}`;
    throw new UserError(
      `${file}: expected input ${input} and output ${output}, found ${found}; export the bundle again`,
    );
  }
  return {
    async infer(sent, batch) {
      const feeds = { [input]: onnxTensor(sent, datatype, [batch, ...shape]) };
      const logits = (await session.run(feeds, [output]))[output].data as Float32Array;
      const expected = batch * manifest.labels.length;
      if (logits.length !== expected) throw new Error(`${file}: expected ${expected} logits, found ${logits.length}`);
      return logits;
    },
    close: () => session.release(),
  };
}
