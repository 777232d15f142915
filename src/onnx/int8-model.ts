import { foldBatchNorms } from './fold-batch-norm.js';
import { constantFloats, decodeModel, type Node, node, readersOf, type Tensor, tensor } from './onnx-model.js';
import { type ValueRange, valueRanges } from './value-ranges.js';

/** Operators whose output is within the range of their input, so that both can have the same quantisation. */
const KEEPS_STEPS = new Set(['Relu', 'Clip', 'MaxPool', 'Transpose', 'Reshape']);
/** Number of weight steps on each side of zero; zero is stored as 128. */
const WEIGHT_STEPS = 127;
const WEIGHT_ZERO = 128;
const MOST_BIAS_STEPS = 2 ** 30;

/**
 * Quantises a float model to 8 bits (static quantisation; Jacob et al. 2018, arXiv 1712.05877). Weights are symmetric,
 * with a scale per filter or unit. Activations cover the range that they have on the calibration images. Biases have 32
 * bits. Batch normalisations are folded into the convolutions before them, and ReLUs into the range of their input. The
 * output (logits) stays float. The result is in QDQ form, which ONNX Runtime fuses into 8-bit kernels, natively and in the
 * browser. Weights are stored unsigned, because products of unsigned activations and signed weights saturate on processors
 * without VNNI.
 *
 * @param images calibration images: normalised, concatenated, in the model's input format (`calibratingImages`)
 * @param shape shape of one image
 */
export async function int8Model(
  model: Uint8Array,
  images: Float32Array,
  shape: readonly number[],
): Promise<Uint8Array> {
  const float = decodeModel(model);
  const { nodes, constants } = foldBatchNorms(float);
  const values = nodes.map(({ output: [value] }) => value).filter((value) => value !== float.output);
  const calibrating = float.encode(nodes, constants.values(), values);
  const ranges = await valueRanges(calibrating, images, shape);
  ranges.set(float.input, rangeOf(images));

  const made: Node[] = [];
  const stored = new Map<string, Tensor>();
  const store = (constant: Tensor): string => {
    stored.set(constant.name, constant);
    return constant.name;
  };
  /** The quantised value that replaces a value in later nodes. */
  const instead = new Map<string, string>();
  const inputOf = (value: string): string => instead.get(value) ?? value;
  const readers = readersOf(nodes);
  /** The value whose quantisation a value shares: the last in a chain of operators that keep the range. */
  const steps = (value: string): string => {
    const [reader, ...others] = readers.get(value) ?? [];
    const carries = others.length === 0 && reader !== undefined && KEEPS_STEPS.has(reader.opType);
    return carries && reader.output[0] !== float.output ? steps(reader.output[0]) : value;
  };
  const scales = new Map<string, number>();
  const quantise = (value: string): void => {
    const of = steps(value);
    const { scale, zero } = stepsOf(ranges.get(of)!);
    scales.set(value, scale);
    const names = [
      store(tensor(`${of}_scale`, Float32Array.of(scale), [])),
      store(tensor(`${of}_zero`, Uint8Array.of(zero), [])),
    ];
    made.push(node('QuantizeLinear', [value, ...names], `${value}_quantised`));
    made.push(node('DequantizeLinear', [`${value}_quantised`, ...names], `${value}_steps`));
    instead.set(value, `${value}_steps`);
  };
  const scaleOf = (value: string): number => scales.get(value)!;

  quantise(float.input);
  for (const layer of nodes) {
    const [x, w, b] = layer.input;
    const [y] = layer.output;
    // Values below 0, or above the limit of a ReLU6, are already outside the quantised range.
    if ((layer.opType === 'Relu' || layer.opType === 'Clip') && steps(x) === steps(y)) {
      instead.set(y, inputOf(x));
      scales.set(y, scaleOf(x));
      continue;
    }
    if (layer.opType === 'Conv' || layer.opType === 'Gemm') {
      const axis = layer.opType === 'Conv' ? 0 : 1;
      const bias = b === undefined ? undefined : constants.get(b)!;
      const weights = quantisedWeights(y, constants.get(w)!, axis, bias && leastScales(bias, scaleOf(x)));
      made.push(node('DequantizeLinear', weights.map(store), `${y}_weights`, axis));
      const input = [inputOf(x), `${y}_weights`];
      if (bias) {
        made.push(node('DequantizeLinear', quantisedBias(y, bias, weights[1], scaleOf(x)).map(store), `${y}_bias`, 0));
        input.push(`${y}_bias`);
      }
      made.push({ ...layer, input } as Node);
    } else {
      for (const name of layer.input) if (constants.has(name)) store(constants.get(name)!);
      made.push({ ...layer, input: layer.input.map(inputOf) } as Node);
    }
    if (y !== float.output) quantise(y);
  }
  return float.encode(made, stored.values());
}

function rangeOf(values: Float32Array): ValueRange {
  return {
    least: values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
    most: values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
  };
}

/** 256 steps over a range, extended to contain 0, which is one of the steps. */
function stepsOf({ least, most }: ValueRange): { scale: number; zero: number } {
  const [low, high] = [Math.min(least, 0), Math.max(most, 0)];
  const scale = (high - low) / 255 || 1;
  return { scale, zero: Math.round(-low / scale) };
}

/** Quantised weights, scales and zero points of a layer. @param axis axis of the filters or units */
function quantisedWeights(
  layer: string,
  weights: Tensor,
  axis: 0 | 1,
  least?: Float32Array,
): [values: Tensor, scales: Tensor, zeros: Tensor] {
  const values = constantFloats(weights);
  const [first, second] = weights.dims.map(Number);
  const channels = axis === 0 ? first : second;
  const channelOf = (i: number): number => (axis === 0 ? Math.floor(i / (values.length / first)) : i % second);
  const largest = new Float32Array(channels);
  values.forEach((value, i) => {
    largest[channelOf(i)] = Math.max(largest[channelOf(i)], Math.abs(value));
  });
  const scales = largest.map((most, channel) => Math.max(most / WEIGHT_STEPS, least?.[channel] ?? 0) || 1);
  const quantised = Uint8Array.from(values, (value, i) => WEIGHT_ZERO + Math.round(value / scales[channelOf(i)]));
  return [
    tensor(`${layer}_weights_int8`, quantised, weights.dims),
    tensor(`${layer}_weights_scales`, scales, [channels]),
    tensor(`${layer}_weights_zeros`, new Uint8Array(channels).fill(WEIGHT_ZERO), [channels]),
  ];
}

/** The smallest weight scales for which the quantised bias fits in 32 bits. */
const leastScales = (bias: Tensor, inputScale: number): Float32Array =>
  constantFloats(bias).map((value) => Math.abs(value) / inputScale / MOST_BIAS_STEPS);

/** A bias quantised with the scales of the sums that it is added to, and these scales. */
function quantisedBias(
  layer: string,
  bias: Tensor,
  weightScales: Tensor,
  inputScale: number,
): [values: Tensor, scales: Tensor] {
  const scales = constantFloats(weightScales).map((scale) => scale * inputScale);
  const values = Int32Array.from(constantFloats(bias), (value, i) => Math.round(value / scales[i]));
  return [tensor(`${layer}_bias_int32`, values, bias.dims), tensor(`${layer}_bias_scales`, scales, [scales.length])];
}
