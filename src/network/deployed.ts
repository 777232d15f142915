import { UserError } from '../base/errors.js';
import { exitsOf, numbered } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import { type Exit, isBranch, type JointNetwork } from './layers.js';
import { channelsOf, flattenChains, type PlacedLayer, placeLayers } from './shapes.js';

/** A quantised kernel: a weight is an integer step times the scale of its filter (or unit), exact in float32. */
export interface SteppedKernel {
  /** Like the kernel, with the filters as the last axis; from -31 to 31 in the last layer of a branch, else to 127. */
  readonly steps: Int8Array;
  /** [filters]. */
  readonly scales: Float32Array;
}

/** Steps of a shared kernel in 8 bits. -128 isn't used, so that a kernel and its negative are alike. */
const SHARED_STEPS = 127;

/** The absolute steps of a depthwise filter add up to this at most, so that sums with levels up to 127 fit in 16 bits. */
const DEPTHWISE_SUM = 258;

/**
 * 63 values fit in 6 bits, which brotli compresses to about 5.2. With one more bit, the branch of AlexNet for 100 classes
 * would miss the ratio of Table 1 (28 times smaller than the full network). The loss of accuracy is small: on the 5,000
 * validation images of a LeNet trained on Fashion-MNIST, 12 answers changed, and 4,538 instead of 4,541 were right.
 */
const LAST_STEPS = 31;

/**
 * The trained state as deployed: the last kernel of every branch, the largest float part of a download, is quantised with
 * a scale per class; with `sharedBits` 8 the kernels of all shared layers are, too, with a scale per filter. τ, accuracy
 * and the bundle all use this state, so measured and deployed networks are the same. Float exits don't change.
 *
 * @throws UserError if a weight of such a kernel is NaN or beyond 1e30
 */
export function deployedState(network: JointNetwork, state: NamedArrays): NamedArrays {
  if (network.floatExits) return state;
  const deployed = { ...state };
  const quantise = (name: string, filters: number, mostSteps: number | Int32Array): void => {
    const { shape, values } = state[name];
    const wrong = values.find((weight) => !(Math.abs(weight) <= 1e30));
    if (wrong !== undefined) {
      throw new UserError(
        `${name}: expected weights up to 1e30, found ${wrong}; training diverged, lower the learning rates`,
      );
    }
    deployed[name] = { shape, values: steppedValues(toSteps(values, filters, mostSteps)) };
  };
  for (const { placed, name, filters } of sharedKernels(network)) {
    quantise(
      name,
      filters,
      placed.layer.type === 'depthwise-conv2d' ? depthwiseSteps(state[name].values, filters) : SHARED_STEPS,
    );
  }
  for (const [exit, { branch }] of exitsOf<Exit>(network).entries()) {
    if (branch.length === 0) continue; // while the full network trains alone
    const last = branch.at(-1);
    if (last?.type !== 'dense') throw new Error(`${network.name}: expected a branch that ends in a dense layer`);
    quantise(`${numbered('branch', exit)}.${last.name}.kernel`, network.classes, LAST_STEPS);
  }
  return deployed;
}

/** The float layers that are deployed in 8 bits, with the names of their kernels. */
export function sharedKernels(network: JointNetwork): { placed: PlacedLayer; name: string; filters: number }[] {
  if (network.sharedBits !== 8) return [];
  const shared = placeLayers(network).filter(({ part }) => part !== 'full' && !isBranch(part));
  return flattenChains(shared).flatMap((placed) => {
    const { part, layer, output } = placed;
    if (layer.type !== 'conv2d' && layer.type !== 'depthwise-conv2d' && layer.type !== 'dense') return [];
    return [{ placed, name: `${part}.${layer.name}.kernel`, filters: channelsOf(output) }];
  });
}

/** The quantised form of a kernel if quantisation is exact, as it is for a deployed kernel; otherwise undefined. */
export function exactSteps(kernel: Float32Array, filters: number): SteppedKernel | undefined {
  return [LAST_STEPS, SHARED_STEPS].map((mostSteps) => toSteps(kernel, filters, mostSteps)).find(isExact(kernel));
}

/** The same for a depthwise kernel, whose filters have different numbers of steps: the fewest that are exact. */
export function exactDepthwiseSteps(kernel: Float32Array, filters: number): SteppedKernel | undefined {
  const steps = new Int8Array(kernel.length);
  const scales = new Float32Array(filters);
  for (let filter = 0; filter < filters; filter++) {
    const own = kernel.filter((_, i) => i % filters === filter);
    const stepped = stepNumbers.map((most) => toSteps(own, 1, most)).find(isExact(own));
    if (!stepped) return undefined;
    for (const [tap, step] of stepped.steps.entries()) steps[tap * filters + filter] = step;
    scales[filter] = stepped.scales[0];
  }
  return { steps, scales };
}

const stepNumbers = Array.from({ length: SHARED_STEPS }, (_, i) => i + 1);

const isExact =
  (kernel: Float32Array) =>
  (stepped: SteppedKernel): boolean =>
    steppedValues(stepped).every((value, i) => value === kernel[i]);

/** For each filter, the largest number of steps whose absolute sum over the filter is within `DEPTHWISE_SUM`. */
function depthwiseSteps(kernel: Float32Array, filters: number): Int32Array {
  return Int32Array.from({ length: filters }, (_, filter) => {
    const own = kernel.filter((_, i) => i % filters === filter);
    const fits = (most: number) =>
      toSteps(own, 1, most).steps.reduce((sum, step) => sum + Math.abs(step), 0) <= DEPTHWISE_SUM;
    // A kernel that is deployed already stays as it is.
    return stepNumbers.find((most) => fits(most) && isExact(own)(toSteps(own, 1, most))) ?? stepNumbers.findLast(fits)!;
  });
}

/** Rounds each filter's weights to the nearest step; the largest absolute weight is the outermost step. */
function toSteps(kernel: Float32Array, filters: number, mostSteps: number | Int32Array): SteppedKernel {
  const largest = new Float32Array(filters);
  kernel.forEach((weight, i) => {
    largest[i % filters] = Math.max(largest[i % filters], Math.abs(weight));
  });
  const scales = largest.map((most, filter) =>
    roundUp(most / (typeof mostSteps === 'number' ? mostSteps : mostSteps[filter])),
  );
  const steps = Int8Array.from(kernel, (weight, i) =>
    scales[i % filters] === 0 ? 0 : Math.round(weight / scales[i % filters]),
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
