import { InferenceSession, Tensor } from '../base/onnxruntime.js';
import { TAIL_INPUT } from '../export/float-model.js';
import type { Shape } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';

const WARM_UP = 5;
/** A sample lasts at least this long, because a single run can be shorter than a time slice of the scheduler. */
const SAMPLE_MS = 5;

/**
 * Times a float model for one image in ONNX Runtime on this machine; one value per sample, in ms.
 *
 * @param shape shape of its input
 * @param threads number of threads; default: ONNX Runtime's own
 */
export async function timeModel(
  model: Uint8Array,
  shape: Shape,
  rounds: number,
  threads?: number,
): Promise<readonly number[]> {
  const session = await InferenceSession.create(model, threads ? { intraOpNumThreads: threads } : {});
  try {
    const values = new Float32Array(featuresOf(shape)).fill(0.5);
    const feeds = { [TAIL_INPUT]: new Tensor('float32', values, [1, ...shape]) };
    const timed = async (runs: number): Promise<number> => {
      const start = performance.now();
      for (let i = 0; i < runs; i++) await session.run(feeds);
      return (performance.now() - start) / runs;
    };
    const runs = Math.max(1, Math.round(SAMPLE_MS / (await timed(WARM_UP))));
    const samples: number[] = [];
    while (samples.length < rounds) samples.push(await timed(runs));
    return samples;
  } finally {
    await session.release();
  }
}
