import * as ort from '../base/onnxruntime.js';

/** Minimum and maximum of a tensor's values. */
export interface ValueRange {
  readonly least: number;
  readonly most: number;
}

/** Maximum batch size. Large inputs get smaller batches, because all intermediate values are in memory at once. */
const MOST_INPUTS = 16;
const MOST_VALUES = 300_000;

/**
 * Measures the range of each output of a model over these inputs.
 *
 * @param model a model whose outputs include every value of interest
 * @param inputs float32, concatenated
 * @param shape shape of one input
 */
export async function valueRanges(
  model: Uint8Array,
  inputs: Float32Array,
  shape: readonly number[],
): Promise<Map<string, ValueRange>> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const size = shape.reduce((product, side) => product * side, 1);
  const length = size * Math.max(1, Math.min(MOST_INPUTS, Math.floor(MOST_VALUES / size)));
  const ranges = new Map<string, ValueRange>();
  for (let start = 0; start < inputs.length; start += length) {
    const batch = inputs.slice(start, start + length);
    const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', batch, [batch.length / size, ...shape]) };
    for (const [name, { data }] of Object.entries(await session.run(feeds))) {
      let { least, most } = ranges.get(name) ?? { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
      for (const value of data as Float32Array) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      ranges.set(name, { least, most });
    }
  }
  await session.release();
  return ranges;
}
