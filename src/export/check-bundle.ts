import { UserError } from '../base/errors.js';
import type { DeviceProgram } from './program.js';
import { runReference } from './run-reference.js';

/** The trainer's answers for some normalised images: what a finished bundle must give too. */
export interface Expected {
  readonly count: number;
  /** [count, height, width, channels]. */
  readonly images: Float32Array;
  /** [count, classes] each. */
  readonly branch: Float32Array;
  readonly full: Float32Array;
}

/** The two ends of a bundle, as they will run. */
export interface BundleEnds {
  branch(image: Float32Array): { readonly logits: Float32Array; readonly shared: Float32Array };
  tail(shared: Float32Array): Promise<Float32Array>;
}

export interface CheckResult {
  readonly images: number;
  readonly largestBranchError: number;
  readonly largestFullError: number;
  /** Images where a value before a sign lay within rounding of its threshold and the bit came out the other way. */
  readonly flipped: number;
}

/** Largest difference of logits, relative to the largest logit where that is above 1. */
const TOLERANCE = 1e-4;
/** Share of images that a flipped bit may touch. */
const MAX_FLIPPED = 1 / 50;
/** A value before a sign this close to its threshold, relative to its terms, may round to either side. */
const ROUNDING = 2e-5;

/**
 * Holds a finished bundle against the trainer: branch logits, and conv1 + tail against the full branch.
 *
 * @throws UserError where they differ by more than rounding; such a bundle must not be kept.
 */
export async function checkBundle(program: DeviceProgram, ends: BundleEnds, expected: Expected): Promise<CheckResult> {
  const pixels = expected.images.length / expected.count;
  const classes = expected.branch.length / expected.count;
  let largestBranchError = 0;
  let largestFullError = 0;
  let flipped = 0;
  for (let i = 0; i < expected.count; i++) {
    const image = expected.images.subarray(i * pixels, (i + 1) * pixels);
    const row = (logits: Float32Array) => logits.subarray(i * classes, (i + 1) * classes);
    const { logits, shared } = ends.branch(image);
    const fullError = relativeError(await ends.tail(shared), row(expected.full));
    if (!(fullError <= TOLERANCE)) throw disagreement('conv1 and the tail', i, fullError);
    largestFullError = Math.max(largestFullError, fullError);
    const branchError = relativeError(logits, row(expected.branch));
    if (branchError <= TOLERANCE) largestBranchError = Math.max(largestBranchError, branchError);
    else if (closestToThreshold(program, image) <= ROUNDING) flipped++;
    else throw disagreement('the branch', i, branchError);
  }
  if (flipped > Math.ceil(expected.count * MAX_FLIPPED)) {
    throw new UserError(
      `the bundle's branch differs from the trainer's by a rounded sign on ${flipped} of ${expected.count} images; ` +
        `expected at most ${Math.ceil(expected.count * MAX_FLIPPED)}; the bundle was not kept`,
    );
  }
  return { images: expected.count, largestBranchError, largestFullError, flipped };
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  const size = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  return found.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]) / size), 0);
}

/** How close the value that is closest to its sign's threshold comes to it, relative to the terms it is the sum of. */
function closestToThreshold(program: DeviceProgram, image: Float32Array): number {
  const { arena } = runReference(program, image);
  let closest = Number.POSITIVE_INFINITY;
  for (const { kernel, args } of program.calls) {
    if (kernel !== 'sign_pack') continue;
    const [x, scale, shift, , count, channels] = args;
    const values = new Float32Array(arena, (x as { arena: number }).arena, count as number);
    const constant = (pointer: (typeof args)[number], otherwise: number) => {
      const stored = pointer && program.constants[(pointer as { constant: string }).constant];
      return (i: number) => (stored && stored.kind === 'f32' ? stored.values[i % (channels as number)] : otherwise);
    };
    const [scaleOf, shiftOf] = [constant(scale, 1), constant(shift, 0)];
    values.forEach((value, i) => {
      const term = value * scaleOf(i);
      const size = Math.max(Math.abs(term), Math.abs(shiftOf(i)), 1e-3);
      closest = Math.min(closest, Math.abs(term + shiftOf(i)) / size);
    });
  }
  return closest;
}

function disagreement(part: string, image: number, error: number): UserError {
  return new UserError(
    `${part} of the bundle and the trainer differ by ${error.toExponential(1)} on check image ${image}, ` +
      `expected at most ${TOLERANCE}; the bundle was not kept; please report this`,
  );
}
