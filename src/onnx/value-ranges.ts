import * as ort from 'onnxruntime-node';

/** The least and the largest of a value. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Inputs in a batch, at most; fewer where they are large, since all values of the network are held at once. */
const MOST_INPUTS = 16;
const MOST_VALUES = 300_000;

/**
 * The ranges of a model's outputs over these inputs.
 *
 * @param model gives out each value whose range is asked for
 * @param inputs float32, one after another
 * @param shape of one of them
 */
export async function valueRanges(
  model: Uint8Array,
  inputs: Float32Array,
  shape: readonly number[],
): Promise<Map<string, Range>> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const size = shape.reduce((product, side) => product * side, 1);
  const length = size * Math.max(1, Math.min(MOST_INPUTS, Math.floor(MOST_VALUES / size)));
  const ranges = new Map<string, Range>();
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
