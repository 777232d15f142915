import { UserError } from '../base/errors.js';
import { type DeviceProgram, type KernelCall, type Pointer, stagesOf } from './program.js';
import { runReference } from './run-reference.js';

/** The trainer's answers for some normalised images: what a finished bundle must give too. */
export interface Expected {
  readonly count: number;
  /** [count, height, width, channels]. */
  readonly images: Float32Array;
  /** [count, classes] each; a branch for each exit. */
  readonly branches: readonly Float32Array[];
  readonly full: Float32Array;
}

/** The two ends of a bundle, as they will run. */
export interface BundleEnds {
  /** The device up to an exit, which counts from 0. */
  branch(image: Float32Array, exit: number): { readonly logits: Float32Array; readonly shared: Float32Array };
  tail(shared: Float32Array): Promise<Float32Array>;
}

export interface CheckResult {
  readonly images: number;
  readonly largestBranchError: number;
  readonly largestFullError: number;
  /** Images where, at any exit, a value before a sign lay within rounding of its threshold and the bit came out the other way. */
  readonly flipped: number;
}

/** Largest difference of logits, relative to the largest logit where that is above 1. */
const TOLERANCE = 1e-4;
/** Share of images that a flipped bit may touch. */
const MAX_FLIPPED = 1 / 50;
/** A value before a sign this close to its threshold, relative to its terms, may round to either side. */
const ROUNDING = 2e-5;
/** How many ways of rounding an image's signs are tried: more than this many, and it is no rounding. */
const MAX_WAYS = 64;

/**
 * Holds a finished bundle against the trainer: the logits of every exit, and conv1 + tail against the full branch.
 *
 * @throws UserError where they differ by more than rounding; such a bundle must not be kept.
 */
export async function checkBundle(program: DeviceProgram, ends: BundleEnds, expected: Expected): Promise<CheckResult> {
  const pixels = expected.images.length / expected.count;
  const classes = expected.full.length / expected.count;
  let largestBranchError = 0;
  let largestFullError = 0;
  let flipped = 0;
  for (let i = 0; i < expected.count; i++) {
    const image = expected.images.subarray(i * pixels, (i + 1) * pixels);
    const row = (logits: Float32Array) => logits.subarray(i * classes, (i + 1) * classes);
    const runs = expected.branches.map((_, exit) => ends.branch(image, exit));
    const fullError = relativeError(await ends.tail(runs[runs.length - 1].shared), row(expected.full));
    if (!(fullError <= TOLERANCE)) throw disagreement('conv1 and the tail', i, fullError);
    largestFullError = Math.max(largestFullError, fullError);
    let rounded = false;
    for (const [exit, { logits }] of runs.entries()) {
      const wanted = row(expected.branches[exit]);
      const branchError = relativeError(logits, wanted);
      if (branchError <= TOLERANCE) largestBranchError = Math.max(largestBranchError, branchError);
      else if (differByRoundedSigns(program, exit, image, [logits, wanted])) rounded = true;
      else throw disagreement(runs.length > 1 ? `the branch of exit ${exit + 1}` : 'the branch', i, branchError);
    }
    if (rounded) flipped++;
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

/** Whether each of these answers is what the reference gives when some values next to a threshold round to its other side. */
function differByRoundedSigns(
  program: DeviceProgram,
  exit: number,
  image: Float32Array,
  answers: Float32Array[],
): boolean {
  let unexplained = answers;
  for (const logits of answersWithinRounding(program, exit, image)) {
    unexplained = unexplained.filter((answer) => !(relativeError(answer, logits) <= TOLERANCE));
    if (unexplained.length === 0) return true;
  }
  return false;
}

/** The logits of an exit for every way in which the values within rounding of their sign's threshold may turn, as met in turn. */
function* answersWithinRounding(program: DeviceProgram, exit: number, image: Float32Array): Generator<Float32Array> {
  // Signs of the branches before it have no part in this exit's answer.
  const own = new Set(stagesOf(program)[exit].calls);
  const turned: boolean[] = [];
  for (let way = 0; way < MAX_WAYS; way++) {
    let met = 0;
    const { logits } = runReference(program, image, exit, (call, arena) => {
      if (call.kernel !== 'sign_pack' || !own.has(call)) return;
      for (const i of withinRounding(program, call, arena)) {
        turned[met] ??= false;
        if (turned[met++]) turnBit(call, arena, i);
      }
    });
    yield logits;
    turned.length = met;
    while (turned.at(-1)) turned.pop();
    if (turned.length === 0) return;
    turned[turned.length - 1] = true;
  }
}

/** Places of the values of a `sign_pack` that lie within rounding of their threshold, relative to the terms of their sum. */
function withinRounding(program: DeviceProgram, { args }: KernelCall, arena: ArrayBuffer): number[] {
  const [x, scale, shift, , count, channels] = args;
  const values = new Float32Array(arena, (x as { arena: number }).arena, count as number);
  const constant = (pointer: Pointer, otherwise: number) => {
    const stored = pointer && 'constant' in pointer ? program.constants[pointer.constant] : undefined;
    return (i: number) => (stored?.kind === 'f32' ? stored.values[i % (channels as number)] : otherwise);
  };
  const [scaleOf, shiftOf] = [constant(scale as Pointer, 1), constant(shift as Pointer, 0)];
  return Array.from(values.keys()).filter((i) => {
    const term = values[i] * scaleOf(i);
    const size = Math.max(Math.abs(term), Math.abs(shiftOf(i)), 1e-3);
    return Math.abs(term + shiftOf(i)) <= ROUNDING * size;
  });
}

function turnBit({ args }: KernelCall, arena: ArrayBuffer, i: number): void {
  const [, , , bits, , , row] = args;
  const [line, column] = [Math.floor(i / (row as number)), i % (row as number)];
  const at = line * Math.ceil((row as number) / 8) + (column >> 3);
  new Uint8Array(arena, (bits as { arena: number }).arena)[at] ^= 1 << (column & 7);
}

function disagreement(part: string, image: number, error: number): UserError {
  return new UserError(
    `${part} of the bundle and the trainer differ by ${error.toExponential(1)} on check image ${image}, ` +
      `expected at most ${TOLERANCE}; the bundle was not kept; please report this`,
  );
}
