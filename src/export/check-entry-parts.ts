import { UserError } from '../base/errors.js';
import { InferenceSession } from '../base/onnxruntime.js';
import { DATATYPES, type Datatype, type Values } from '../bundle/datatypes.js';
import { onnxTensor } from '../bundle/onnx-tensor.js';
import type { LoaderAndTails } from './check-bundle.js';
import type { EntryPart } from './entry-points.js';
import { PART_INPUT, PART_OUTPUT } from './float-model.js';
import { decode, type Encoding, encode } from './uplink/encoding.js';

const TOLERANCE = 1e-4;

/**
 * Compares what each part computes on the edge with what the device computes, on normalised images. If all parts agree, an answer
 * to an image or to an earlier exit's output is the tail's answer.
 *
 * @param models of the parts, in their order
 * @throws UserError if they differ by more than rounding; such a bundle must not be kept.
 */
export async function checkEntryParts(
  bundle: LoaderAndTails,
  parts: readonly EntryPart[],
  models: readonly Uint8Array[],
  images: Iterable<Float32Array>,
): Promise<void> {
  const sessions = await Promise.all(models.map((model) => InferenceSession.create(model)));
  let count = 0;
  for (const image of images) {
    let given = image;
    for (const [i, { from, layers, encodings }] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const wanted = isLast ? (await bundle.edge(image)).sent : (await bundle.branch(image, i)).shared;
      const { datatype = 'FP32' } = encodings.from;
      const feeds = { [PART_INPUT]: onnxTensor(encode(given, encodings.from), datatype, [1, ...layers[0].input]) };
      const found = (await sessions[i].run(feeds))[PART_OUTPUT].data as unknown as Values;
      const error = encodedError(found, wanted, encodings.to);
      if (!(error <= TOLERANCE)) {
        throw new UserError(
          `what the edge computes from ${from === 'image' ? 'the image' : `exit ${from}`} differs from the device by ` +
            `${error.toExponential(1)} on check image ${count}, expected at most ${TOLERANCE}; ` +
            'the bundle was not kept; please report this',
        );
      }
      given = isLast ? given : (wanted as Float32Array);
    }
    count++;
  }
  await Promise.all(sessions.map((session) => session.release()));
}

/** The largest difference relative to the largest value, beyond one step of the encoding: a value may be rounded to either side. */
function encodedError(found: Values, wanted: Values, encoding: Encoding): number {
  const { array } = DATATYPES[(encoding.datatype ?? 'FP32') as Datatype];
  // Node 24 has half-precision arrays, and ONNX Runtime returns them; their bits are compared.
  const same = new array(found.buffer as ArrayBuffer, found.byteOffset, found.length);
  const [a, b] = [same, wanted].map((values) => decode(values, encoding));
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const size = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return a.reduce((most, value, i) => {
    const step =
      encoding.datatype === 'UINT8'
        ? encoding.scale![i % encoding.scale!.length]
        : encoding.datatype === 'FP16'
          ? Math.abs(b[i]) / 1024 + 2 ** -24
          : 0;
    return Math.max(most, (Math.abs(value - b[i]) - step) / size);
  }, 0);
}
