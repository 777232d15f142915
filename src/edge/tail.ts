import { messageOf, UserError } from '../base/errors.js';
import { InferenceSession } from '../base/onnxruntime.js';
import type { Values } from '../bundle/datatypes.js';
import { entryPointsOf } from '../bundle/entry-points.js';
import type { EntryPoint } from '../bundle/manifest.js';
import { onnxTensor } from '../bundle/onnx-tensor.js';
import type { Bundle } from '../bundle/read-bundle.js';

/** The rest of the full network, running in ONNX Runtime. */
export interface Tail {
  /**
   * Computes logits [batch, classes].
   *
   * @param sent what devices send: [batch, ...shape] (NHWC) in the entry point's datatype
   * @param entry number of the entry point in the list of `entryPointsOf`; default: the tail's
   */
  infer(sent: Values, batch: number, entry?: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens the tail of a bundle, and the models of its further entry points. They compute in the calling thread, which is blocked
 * meanwhile.
 *
 * @param threads number of threads for one batch; default: ONNX Runtime's
 * @throws UserError if a file isn't an ONNX model with the tensors that the manifest names
 */
export async function openTail({ manifest, files }: Bundle, threads?: number): Promise<Tail> {
  const entries = entryPointsOf(manifest);
  const sessions = new Map<string, InferenceSession>();
  const close = async (): Promise<void> => {
    for (const session of sessions.values()) await session.release();
  };
  try {
    for (const file of new Set(entries.flatMap((entry) => entry.files))) {
      sessions.set(file, await openSession(file, files.get(file)!, threads));
    }
    for (const entry of entries) checkTensors(entry, sessions);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    async infer(sent, batch, entry = 0) {
      const { shape, datatype = 'FP32', files, output } = entries[entry];
      let tensor = onnxTensor(sent, datatype, [batch, ...shape]);
      for (const [i, file] of files.entries()) {
        const session = sessions.get(file)!;
        const [wanted] = i === files.length - 1 ? [output] : session.outputNames;
        tensor = (await session.run({ [session.inputNames[0]]: tensor }, [wanted]))[wanted] as typeof tensor;
      }
      const logits = tensor.data as Float32Array;
      const expected = batch * manifest.labels.length;
      if (logits.length !== expected) {
        throw new Error(`${files.at(-1)}: expected ${expected} logits, found ${logits.length}`);
      }
      return logits;
    },
    close,
  };
}

async function openSession(file: string, model: Uint8Array, threads?: number): Promise<InferenceSession> {
  const options = { intraOpNumThreads: threads };
  return InferenceSession.create(model, threads ? options : {}).catch((thrown) => {
    throw new UserError(`${file}: expected an ONNX model, found: ${messageOf(thrown)}; export the bundle again`);
  });
}

/** An entry point's input is that of its first model, its output that of its last one. */
function checkTensors({ files, input, output }: EntryPoint, sessions: ReadonlyMap<string, InferenceSession>): void {
  const [first, last] = [files[0], files[files.length - 1]];
  const { inputNames } = sessions.get(first)!;
  const { outputNames } = sessions.get(last)!;
  if (inputNames.join() === input && outputNames.includes(output)) return;
  throw new UserError(
    `${first}: expected input ${input} and output ${output}, found ${inputNames} and ${outputNames}; ` +
      'export the bundle again',
  );
}
