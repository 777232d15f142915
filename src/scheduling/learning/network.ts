import type { Random } from '../../base/random.js';

/**
 * A network with one hidden layer and ReLU, as plain numbers. Its input is a few real features and, for the task slots,
 * the list of inputs that are 1: most of the M x N inputs are 0 and cost nothing this way.
 */
export interface Network {
  readonly features: number;
  /** Number of inputs that are 0 or 1. They follow the features. */
  readonly slots: number;
  readonly hidden: number;
  readonly outputs: number;
  /** Hidden weights (a row for each input), hidden bias, output weights (a row for each hidden unit), output bias. */
  readonly values: Float32Array;
}

export type NetworkShape = Omit<Network, 'values'>;

/** Input of a network: the values of its features, and the indices of the slots that are 1. */
export interface Input {
  readonly features: Float64Array;
  readonly active: Int32Array;
  activeCount: number;
}

export const createInput = ({ features, slots }: NetworkShape): Input => ({
  features: new Float64Array(features),
  active: new Int32Array(slots),
  activeCount: 0,
});

/** Offsets of the four parameters in `values`, and their total size. */
export function layout({ features, slots, hidden, outputs }: NetworkShape) {
  const inputs = features + slots;
  const hiddenBias = inputs * hidden;
  const outputWeights = hiddenBias + hidden;
  const outputBias = outputWeights + hidden * outputs;
  return { hiddenBias, outputWeights, outputBias, size: outputBias + outputs };
}

/** Initial weights: uniform (Glorot and Bengio 2010), assuming that half of the slots are 1; biases are 0. */
export function initialNetwork(shape: NetworkShape, next: Random): Network {
  const { features, slots, hidden, outputs } = shape;
  const { hiddenBias, outputWeights, outputBias, size } = layout(shape);
  const values = new Float32Array(size);
  const fill = (from: number, to: number, fan: number): void => {
    const bound = Math.sqrt(6 / fan);
    for (let i = from; i < to; i++) values[i] = bound * (2 * next() - 1);
  };
  fill(0, features * hidden, features + hidden);
  fill(features * hidden, hiddenBias, slots / 2 + hidden);
  fill(outputWeights, outputBias, hidden + outputs);
  return { ...shape, values };
}

/** Forward pass. @param units receives the hidden units. @param outputs receives the outputs. */
export function policyForward(network: Network, input: Input, units: Float64Array, outputs: Float64Array): void {
  const { features, hidden, values } = network;
  const { hiddenBias, outputWeights, outputBias } = layout(network);
  for (let unit = 0; unit < hidden; unit++) units[unit] = values[hiddenBias + unit];
  for (let feature = 0; feature < features; feature++) {
    const value = input.features[feature];
    for (let unit = 0; unit < hidden; unit++) units[unit] += value * values[feature * hidden + unit];
  }
  for (let i = 0; i < input.activeCount; i++) {
    const row = (features + input.active[i]) * hidden;
    for (let unit = 0; unit < hidden; unit++) units[unit] += values[row + unit];
  }
  for (let output = 0; output < network.outputs; output++) outputs[output] = values[outputBias + output];
  for (let unit = 0; unit < hidden; unit++) {
    if (!(units[unit] > 0)) units[unit] = 0;
    const row = outputWeights + unit * network.outputs;
    for (let output = 0; output < network.outputs; output++) outputs[output] += units[unit] * values[row + output];
  }
}

/**
 * Backward pass: adds the gradient of a function with respect to the parameters to `gradient`.
 *
 * @param units the hidden units that `policyForward` computed for this input.
 * @param byOutputs gradient of the function with respect to the outputs.
 */
export function backward(
  network: Network,
  input: Input,
  units: Float64Array,
  byOutputs: Float64Array,
  gradient: Float64Array,
): void {
  const { features, hidden, outputs, values } = network;
  const { hiddenBias, outputWeights, outputBias } = layout(network);
  const byUnits = new Float64Array(hidden);
  for (let output = 0; output < outputs; output++) gradient[outputBias + output] += byOutputs[output];
  for (let unit = 0; unit < hidden; unit++) {
    if (units[unit] === 0) continue;
    const row = outputWeights + unit * outputs;
    let sum = 0;
    for (let output = 0; output < outputs; output++) {
      sum += byOutputs[output] * values[row + output];
      gradient[row + output] += byOutputs[output] * units[unit];
    }
    byUnits[unit] = sum;
    gradient[hiddenBias + unit] += sum;
  }
  for (let feature = 0; feature < features; feature++) {
    const value = input.features[feature];
    for (let unit = 0; unit < hidden; unit++) gradient[feature * hidden + unit] += value * byUnits[unit];
  }
  for (let i = 0; i < input.activeCount; i++) {
    const row = (features + input.active[i]) * hidden;
    for (let unit = 0; unit < hidden; unit++) gradient[row + unit] += byUnits[unit];
  }
}
