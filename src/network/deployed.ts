import { UserError } from '../base/errors.js';
import { exitsOf, numbered } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import type { Exit, JointNetwork } from './layers.js';

/** A quantised dense kernel: a weight is an integer step times the scale of its unit, exact in float32. */
export interface SteppedKernel {
  /** [inputs, units] like the kernel, each from -31 to 31. */
  readonly steps: Int8Array;
  /** [units]. */
  readonly scales: Float32Array;
}

/**
 * 63 values fit in 6 bits, which brotli compresses to about 5.2. With one more bit, the branch of AlexNet for 100 classes
 * would miss the ratio of Table 1 (28 times smaller than the full network). The loss of accuracy is small: on the 5,000
 * validation images of a LeNet trained on Fashion-MNIST, 12 answers changed, and 4,538 instead of 4,541 were right.
 */
const MOST_STEPS = 31;

/**
 * The trained state as deployed: the last kernel of every branch, the largest float part of a download, is quantised with
 * a scale per class. τ, accuracy and the bundle all use this state, so measured and deployed networks are the same. Float
 * exits don't change.
 *
 * @throws UserError if a weight of that kernel is NaN or beyond 1e30
 */
export function deployedState(network: JointNetwork, state: NamedArrays): NamedArrays {
  if (network.floatExits) return state;
  const deployed = { ...state };
  for (const [exit, { branch }] of exitsOf<Exit>(network).entries()) {
    const last = branch.at(-1);
    if (last?.type !== 'dense') throw new Error(`${network.name}: expected a branch that ends in a dense layer`);
    const name = `${numbered('branch', exit)}.${last.name}.kernel`;
    const { shape, values } = state[name];
    const wrong = values.find((weight) => !(Math.abs(weight) <= 1e30));
    if (wrong !== undefined) {
      throw new UserError(
        `${name}: expected weights up to 1e30, found ${wrong}; training diverged, lower the learning rates`,
      );
    }
    deployed[name] = { shape, values: steppedValues(toSteps(values, network.classes)) };
  }
  return deployed;
}

/** The quantised form of a kernel if quantisation is exact, as it is for a deployed kernel; otherwise undefined. */
export function exactSteps(kernel: Float32Array, units: number): SteppedKernel | undefined {
  const stepped = toSteps(kernel, units);
  return steppedValues(stepped).every((value, i) => value === kernel[i]) ? stepped : undefined;
}

/** Rounds each unit's weights to the nearest step; the largest absolute weight is the outermost step. */
function toSteps(kernel: Float32Array, units: number): SteppedKernel {
  const largest = new Float32Array(units);
  kernel.forEach((weight, i) => {
    largest[i % units] = Math.max(largest[i % units], Math.abs(weight));
  });
  const scales = largest.map((most) => roundUp(most / MOST_STEPS));
  const steps = Int8Array.from(kernel, (weight, i) =>
    scales[i % units] === 0 ? 0 : Math.round(weight / scales[i % units]),
  );
  return { steps, scales };
}

/** The next float with 16 significant bits. Its product with any step is exact, so quantising twice changes nothing. */
function roundUp(value: number): number {
  const float = Float32Array.of(value);
  const bits = new Uint32Array(float.buffer);
  if (float[0] < value) bits[0]++;
  bits[0] = Math.ceil(bits[0] / 256) * 256;
  return float[0];
}

const steppedValues = ({ steps, scales }: SteppedKernel): Float32Array =>
  Float32Array.from(steps, (step, i) => step * scales[i % scales.length]);
