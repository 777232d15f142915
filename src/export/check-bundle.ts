import { UserError } from '../base/errors.js';
import type { Values } from '../bundle/datatypes.js';
import { type DeviceProgram, type KernelCall, type Pointer, stagesOf } from './program.js';
import { affine } from './reference.js';
import { instantiate, type WasmProgram } from './run-wasm.js';
import { decode, type Encoding, encode } from './uplink/encoding.js';

/** The trainer's answer to an image: what a finished bundle must give too. */
export interface Expected {
  readonly full: Float32Array;
  /** A branch for each exit. */
  readonly branches: readonly Float32Array[];
  /** What each binary layer took the sign of, in the order of the program's `sign_pack` calls. */
  readonly signed: readonly Float32Array[];
}

type Awaitable<T> = T | Promise<T>;

/** The two ends of a bundle, as they will run. */
export interface BundleEnds {
  /** The device up to an exit, which counts from 0. */
  branch(
    image: Float32Array,
    exit: number,
  ): Awaitable<{ readonly logits: Float32Array; readonly shared: Float32Array }>;
  /** What the device sends to the edge for an image, and what the tail answers to it. */
  edge(image: Float32Array): Promise<{ readonly sent: Values; readonly logits: Float32Array }>;
  /** The tail as it would be in float32, for what is sent before it is encoded. */
  floatTail(shared: Float32Array): Promise<Float32Array>;
}

export interface CheckResult {
  readonly images: number;
  /** Of the WebAssembly module: weights, values, the kernels' stack. */
  readonly memoryBytes: number;
  /** Of logits, relative to the largest of an answer where that is above 1. */
  readonly largestBranchError: number;
  readonly largestFullError: number;
  /** The same with what the edge is sent in its encoding: what encoding costs. */
  readonly largestEncodedError: number;
  /** Of the values before a sign, relative to the largest of their layer. */
  readonly largestSignedError: number;
  /** Images with a value so close to its threshold that the device rounds it to the other side than the trainer. */
  readonly rounded: number;
  /** Those among them to which a branch gives another class for it. */
  readonly otherClass: number;
}

const TOLERANCE = 1e-4;

/**
 * Holds a finished bundle against the trainer, on normalised images.
 *
 * A value next to a sign's threshold may round to either side, and one turned sign may turn many behind it. So the
 * branch is held against the trainer in two steps that leave no room: the bundle gives to the bit what its device
 * program gives; and the program, with each layer's signs replaced by the trainer's, gives the trainer's values before
 * every sign, and its logits.
 *
 * An encoding may cost accuracy, which `measureUplink` has judged. Here it must be what it is said to be: the device sends, to
 * the bit, what `encode` makes of it; and the tail gives for that what the float tail gives for the values it stands for. The
 * float tail itself, and the shared layers before it, are held against the trainer.
 *
 * @param wasm the build of the kernels that the bundle's branch runs on.
 * @throws UserError where they differ by more than rounding; such a bundle must not be kept.
 */
export async function checkBundle(
  program: DeviceProgram,
  wasm: Uint8Array<ArrayBuffer>,
  ends: BundleEnds,
  images: Iterable<Float32Array>,
  trainer: (image: Float32Array) => Promise<Expected>,
  encoding: Encoding = {},
): Promise<CheckResult> {
  const device = instantiate(program, wasm);
  const exits = stagesOf(program).length;
  const branchOf = (exit: number) => (exits > 1 ? `the branch of exit ${exit + 1}` : 'the branch');
  const result = {
    images: 0,
    memoryBytes: device.memoryBytes,
    largestBranchError: 0,
    largestFullError: 0,
    largestEncodedError: 0,
    largestSignedError: 0,
    rounded: 0,
    otherClass: 0,
  };
  for (const image of images) {
    const expected = await trainer(image);
    const at = `check image ${result.images++}`;
    const runs = await Promise.all(expected.branches.map((_, exit) => ends.branch(image, exit)));
    const { shared } = runs[runs.length - 1];
    const fullError = relativeError(await ends.floatTail(shared), expected.full);
    if (!(fullError <= TOLERANCE)) throw disagreement('conv1 and the tail', at, fullError);
    const { sent, logits } = await ends.edge(image);
    const wanted = encode(shared, encoding);
    if (sent.length !== wanted.length || !wanted.every((value, i) => Object.is(value, sent[i])))
      throw unlikeEncoding(at);
    const tailError = relativeError(logits, await ends.floatTail(decode(sent, encoding)));
    if (!(tailError <= TOLERANCE)) throw disagreement('the tail, given what it is sent,', at, tailError);
    let rounded = false;
    let otherClass = false;
    for (const [exit, wanted] of expected.branches.entries()) {
      const own = device.run(image, exit).logits;
      if (!runs[exit].logits.every((logit, i) => Object.is(logit, own[i]))) throw unlikeProgram(branchOf(exit), at);
      const guided = runWithSigns(program, device, image, exit, expected.signed);
      if (!(guided.signedError <= TOLERANCE)) throw disagreement(branchOf(exit), at, guided.signedError);
      const branchError = relativeError(guided.logits, wanted);
      if (!(branchError <= TOLERANCE)) throw disagreement(branchOf(exit), at, branchError);
      result.largestBranchError = Math.max(result.largestBranchError, branchError);
      result.largestSignedError = Math.max(result.largestSignedError, guided.signedError);
      rounded ||= guided.rounded;
      otherClass ||= guided.rounded && largest(runs[exit].logits) !== largest(wanted);
    }
    result.largestFullError = Math.max(result.largestFullError, fullError);
    result.largestEncodedError = Math.max(result.largestEncodedError, relativeError(logits, expected.full));
    if (rounded) result.rounded++;
    if (otherClass) result.otherClass++;
  }
  return result;
}

/** Largest difference, relative to the largest expected size; no less than `least`. NaN where a value is none. */
function relativeError(found: Float32Array, expected: Float32Array, least = 1): number {
  let [size, error] = [least, 0];
  for (let i = 0; i < expected.length; i++) {
    size = Math.max(size, Math.abs(expected[i]));
    error = Math.max(error, Math.abs(found[i] - expected[i]));
  }
  return error / size;
}

const largest = (logits: Float32Array): number => logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));

/** A run of the device in which each layer's signs, once compared, are replaced by those of the trainer's values. */
function runWithSigns(
  program: DeviceProgram,
  device: WasmProgram,
  image: Float32Array,
  exit: number,
  signed: readonly Float32Array[],
): { logits: Float32Array; signedError: number; rounded: boolean } {
  let met = 0;
  let signedError = 0;
  let rounded = false;
  const { logits } = device.run(image, exit, (call, arena) => {
    if (call.kernel !== 'sign_pack') return;
    const wanted = signed[met++];
    const found = valuesBeforeSign(program, call, arena);
    // Math.max keeps a NaN; the smallest size is for layers whose values are all 0.
    signedError = Math.max(signedError, relativeError(found, wanted, 1e-3));
    for (let i = 0; i < found.length; i++) {
      if (found[i] >= 0 === wanted[i] >= 0) continue;
      rounded = true;
      turnBit(call, arena, i);
    }
  });
  return { logits, signedError, rounded };
}

/** What a `sign_pack` has taken the sign of. */
function valuesBeforeSign(program: DeviceProgram, { args }: KernelCall, arena: Uint8Array): Float32Array {
  const [x, scale, shift, , count, channels] = args;
  const floats = (pointer: Pointer): Float32Array | null => {
    const stored = pointer && 'constant' in pointer ? program.constants[pointer.constant] : undefined;
    return stored?.kind === 'f32' ? stored.values : null;
  };
  const [scales, shifts] = [floats(scale as Pointer), floats(shift as Pointer)];
  const values = new Float32Array(arena.buffer, arena.byteOffset + (x as { arena: number }).arena, count as number);
  return values.map((value, i) => affine(value, scales, shifts, i % (channels as number)));
}

function turnBit({ args }: KernelCall, arena: Uint8Array, i: number): void {
  const [, , , bits, , , row] = args;
  const [line, column] = [Math.floor(i / (row as number)), i % (row as number)];
  const at = line * Math.ceil((row as number) / 8) + (column >> 3);
  arena[(bits as { arena: number }).arena + at] ^= 1 << (column & 7);
}

function disagreement(part: string, at: string, error: number): UserError {
  return new UserError(
    `${part} of the bundle and the trainer differ by ${error.toExponential(1)} on ${at}, ` +
      `expected at most ${TOLERANCE}; the bundle was not kept; please report this`,
  );
}

function unlikeProgram(part: string, at: string): UserError {
  return new UserError(
    `${part} of the bundle gives other logits than its device program on ${at}; ` +
      'the bundle was not kept; please report this',
  );
}

function unlikeEncoding(at: string): UserError {
  return new UserError(
    `what the bundle sends to the edge is not the encoding that its manifest says on ${at}; ` +
      'the bundle was not kept; please report this',
  );
}
