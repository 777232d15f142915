import { UserError } from '../base/errors.js';
import type { Values } from '../bundle/datatypes.js';
import { type Address, byName, type DeviceProgram, type KernelCall, type Pointer, stagesOf } from './program.js';
import { affine } from './reference.js';
import { instantiate, type WasmProgram } from './run-wasm.js';
import { decode, type Encoding, encode } from './uplink/encoding.js';

/** The trainer's answer to an image, which a finished bundle must give, too. */
export interface Expected {
  readonly full: Float32Array;
  /** The logits of every exit's branch. */
  readonly branches: readonly Float32Array[];
  /** The inputs of each binary layer's sign function, in the order of the program's `sign_pack` calls. */
  readonly signed: readonly Float32Array[];
}

type Awaitable<T> = T | Promise<T>;

/** The device and the edge of a bundle, running as they will run in production. */
export interface LoaderAndTails {
  /** Runs the device up to an exit, which counts from 0. */
  branch(
    image: Float32Array,
    exit: number,
  ): Awaitable<{ readonly logits: Float32Array; readonly shared: Float32Array }>;
  /** What the device sends to the edge for an image, and the tail's answer to it. */
  edge(image: Float32Array): Promise<{ readonly sent: Values; readonly logits: Float32Array }>;
  /** The same tail in float32, which reads the values before they are encoded. */
  floatTail(shared: Float32Array): Promise<Float32Array>;
}

/** Errors of logits are relative to the largest logit of an answer, if that is above 1. */
export interface CheckResult {
  readonly images: number;
  /** Memory of the WebAssembly module: weights, values, the kernels' stack. */
  readonly memoryBytes: number;
  readonly largestBranchError: number;
  readonly largestFullError: number;
  /** The full network's error when the edge receives encoded values: the cost of the encoding. */
  readonly largestEncodedError: number;
  /** Error of the values before a sign, relative to the largest of their layer. */
  readonly largestSignedError: number;
  /** Images with a value so close to its threshold that device and trainer round it to different sides. */
  readonly rounded: number;
  /** Images among them for which a branch therefore answers with another class. */
  readonly otherClass: number;
}

const TOLERANCE = 1e-4;

/**
 * Compares a finished bundle with the trainer, on normalised images.
 *
 * A value next to a sign's threshold may round to either side, and one flipped sign may flip many after it. So the
 * branch is compared in two steps that leave no gap: the bundle gives the same bits as its device program; and the
 * program, with each layer's signs replaced by the trainer's, gives the trainer's values before every sign, and its logits.
 *
 * An encoding may cost accuracy, which `measureUplink` has measured. Here the encoding must be exactly the one in the
 * manifest: the device sends the bits that `encode` computes, and the tail answers them as the float tail answers the
 * values they decode to. The float tail itself, and the shared layers before it, are compared with the trainer.
 *
 * @param wasm the build of the kernels on which the bundle's branch runs.
 * @throws UserError if they differ by more than rounding; such a bundle must not be kept.
 */
export async function checkBundle(
  program: DeviceProgram,
  wasm: Uint8Array<ArrayBuffer>,
  bundle: LoaderAndTails,
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
    const runs = await Promise.all(expected.branches.map((_, exit) => bundle.branch(image, exit)));
    const { shared } = runs[runs.length - 1];
    const fullError = relativeError(await bundle.floatTail(shared), expected.full);
    if (!(fullError <= TOLERANCE)) throw disagreement('conv1 and the tail', at, fullError);
    const { sent, logits } = await bundle.edge(image);
    const wanted = encode(shared, encoding);
    if (sent.length !== wanted.length || !wanted.every((value, i) => Object.is(value, sent[i])))
      throw unlikeEncoding(at);
    const tailError = relativeError(logits, await bundle.floatTail(decode(sent, encoding)));
    if (!(tailError <= TOLERANCE)) throw disagreement('the tail, given what it receives,', at, tailError);
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

/** The largest difference, relative to the largest expected size, or to `least` if that is larger. NaN if a value is NaN. */
function relativeError(found: Float32Array, expected: Float32Array, least = 1): number {
  let [size, error] = [least, 0];
  for (let i = 0; i < expected.length; i++) {
    size = Math.max(size, Math.abs(expected[i]));
    error = Math.max(error, Math.abs(found[i] - expected[i]));
  }
  return error / size;
}

const largest = (logits: Float32Array): number => logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));

/** Runs the device, compares the values before each layer's signs, then replaces the signs with the trainer's. */
function runWithSigns(
  program: DeviceProgram,
  device: WasmProgram,
  image: Float32Array,
  exit: number,
  signed: readonly Float32Array[],
): { logits: Float32Array; signedError: number; rounded: boolean } {
  let layer = 0;
  let signedError = 0;
  let rounded = false;
  const { logits } = device.run(image, exit, (call, arena) => {
    if (call.kernel !== 'sign_pack') return;
    const expected = signed[layer++];
    const found = valuesBeforeSign(program, call, arena);
    // Math.max keeps a NaN. The least size is for layers whose values are all 0.
    signedError = Math.max(signedError, relativeError(found, expected, 1e-3));
    for (let i = 0; i < found.length; i++) {
      if (found[i] >= 0 === expected[i] >= 0) continue;
      rounded = true;
      flipBit(call, arena, i);
    }
  });
  return { logits, signedError, rounded };
}

/** The values before the sign function of a `sign_pack` call. */
function valuesBeforeSign(program: DeviceProgram, call: KernelCall, arena: Uint8Array): Float32Array {
  const named = byName(call);
  const [count, channels] = [named.count as number, named.channels as number];
  const floats = (pointer: Pointer): Float32Array | null => {
    const stored = pointer && 'constant' in pointer ? program.constants[pointer.constant] : undefined;
    return stored?.kind === 'f32' ? stored.values : null;
  };
  const applied = { scale: floats(named.scale as Pointer), shift: floats(named.shift as Pointer) };
  const values = new Float32Array(arena.buffer, arena.byteOffset + (named.x as Address).arena, count);
  return values.map((value, i) => affine(value, applied, i % channels));
}

/** Flips the sign of value `i` in the bits that a `sign_pack` call wrote. */
function flipBit(call: KernelCall, arena: Uint8Array, i: number): void {
  const named = byName(call);
  const row = named.row as number;
  const [line, column] = [Math.floor(i / row), i % row];
  const byte = line * Math.ceil(row / 8) + (column >> 3);
  arena[(named.bits as Address).arena + byte] ^= 1 << (column & 7);
}

function disagreement(part: string, image: string, error: number): UserError {
  return new UserError(
    `${part} of the bundle differs from the trainer by ${error.toExponential(1)} on ${image}, ` +
      `expected at most ${TOLERANCE}; the bundle was not kept; please report this`,
  );
}

function unlikeProgram(part: string, image: string): UserError {
  return new UserError(
    `${part} of the bundle gives other logits than its device program on ${image}; ` +
      'the bundle was not kept; please report this',
  );
}

function unlikeEncoding(image: string): UserError {
  return new UserError(
    `what the bundle sends to the edge is not the encoding in its manifest, on ${image}; ` +
      'the bundle was not kept; please report this',
  );
}
