import * as ort from 'onnxruntime-node';

/** The least and the largest of a value. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Images in a batch, which holds all values of the network at once. */
const BATCH = 16;

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
  const size = shape.reduce((product, length) => product * length, 1);
  const ranges = new Map<string, Range>();
  for (let start = 0; start < inputs.length; start += BATCH * size) {
    const batch = inputs.slice(start, start + BATCH * size);
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
