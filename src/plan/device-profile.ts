import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { median } from '../base/statistics.js';
import type { LayerCost } from '../network/cost.js';
import { LAYER_KINDS, type LayerKind, type Rates, workMs, workOf } from './layer-times.js';

const milliseconds = z.number().nonnegative();

/** The fields of `lcdnn bench device --json` that `plan` uses. */
const schema = z.object({
  branchMs: z.array(milliseconds).min(1),
  answerMs: z.array(milliseconds).min(1),
  edgeMs: z.array(milliseconds).min(1).optional(),
  loadMs: milliseconds,
  steps: z.array(z.object({ kernel: z.string(), milliseconds })).min(1),
});

/** A browser's times, measured with `bench device`. */
export type DeviceProfile = z.infer<typeof schema>;

/** The kind of layer that a kernel computes. Other kernels pack signs, pool or move values. */
const KINDS: Readonly<Record<string, LayerKind>> = {
  conv2d_f32: 'conv2d',
  conv2d_hard_swish_f32: 'conv2d',
  conv2d_levels: 'conv2d',
  depthwise_conv2d_f32: 'depthwise-conv2d',
  depthwise_conv2d_hard_swish_f32: 'depthwise-conv2d',
  depthwise_conv2d_levels: 'depthwise-conv2d',
  dense_f32: 'dense',
  binary_conv2d: 'binary-conv2d',
  binary_dense: 'binary-dense',
};

export const kindOfKernel = (kernel: string): LayerKind => KINDS[kernel] ?? 'other';

/** Time to pass an image to the Worker and its answer back. */
export const callMsOf = ({ branchMs, answerMs }: DeviceProfile): number =>
  Math.max(0, median(answerMs) - median(branchMs));

/** Time of a request to the edge without the tail, if it was measured. */
export const requestMsOf = ({ edgeMs }: DeviceProfile, tailMs: number): number | undefined =>
  edgeMs && Math.max(0, median(edgeMs) - tailMs);

/** @throws UserError if the file isn't from `bench device` */
export function readDeviceProfile(path: string): DeviceProfile {
  return readJson(path, schema, 'what "lcdnn bench device --json" prints', 'measure the device again');
}

/**
 * Rates that reproduce the measured times. Scales the rates of another machine, for each kind of layer, by this device's
 * measured time for that kind. A kind that the measured branch lacks is scaled by the ratio of the total times.
 *
 * @param layers layers of the measured branch, in the order of the network
 * @throws UserError if the steps belong to another branch
 */
export function calibratedRates(
  { steps, branchMs }: DeviceProfile,
  layers: readonly LayerCost[],
  rates: Rates,
  origin: string,
): Rates {
  const works = layers.flatMap(workOf);
  for (const kind of LAYER_KINDS) {
    if (kind === 'other') continue;
    const expected = works.filter((work) => work.kind === kind).length;
    const found = steps.filter(({ kernel }) => kindOfKernel(kernel) === kind).length;
    if (expected === found) continue;
    throw new UserError(
      `${origin}: expected the steps of this branch (${expected} of ${kind}), found ${found}; measure a bundle of this ` +
        'network and branch, or plan the one that was measured',
    );
  }
  const total = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0);
  // A step's time includes the overhead of measuring it; the time of a whole image doesn't.
  const branchTime = median(branchMs) / total(steps.map((step) => step.milliseconds));
  const overall =
    (branchTime * total(steps.map((step) => step.milliseconds))) / total(works.map((work) => workMs(work, rates)));
  const calibrated = (kind: LayerKind): Rates[LayerKind] => {
    const measured = total(
      steps.filter(({ kernel }) => kindOfKernel(kernel) === kind).map((step) => step.milliseconds),
    );
    const estimated = total(works.filter((work) => work.kind === kind).map((work) => workMs(work, rates)));
    const factor = measured > 0 && estimated > 0 ? (branchTime * measured) / estimated : overall;
    const { layer, operation, value } = rates[kind];
    return { layer: factor * layer, operation: factor * operation, value: factor * value };
  };
  return Object.fromEntries(LAYER_KINDS.map((kind) => [kind, calibrated(kind)])) as unknown as Rates;
}
