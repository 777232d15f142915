import {
  byName,
  type DeviceProgram,
  isPrepared,
  type KernelCall,
  type KernelName,
  type Pointer,
  programFloats,
  stagesOf,
} from './program.js';
import { referenceKernels } from './reference.js';

/** The result of a run up to an exit: its logits, the output of its shared part, and the whole arena. */
export interface ReferenceRun {
  readonly logits: Float32Array;
  readonly shared: Float32Array;
  readonly arena: ArrayBuffer;
}

/** The arguments that point to bytes; all other pointers are to f32. */
const BYTE_ARGUMENTS: { readonly [kernel in KernelName]?: readonly string[] } = {
  quantise: ['y'],
  pad_levels: ['x', 'y'],
  conv2d_levels: ['x', 'w', 'y'],
  depthwise_conv2d_levels: ['x', 'w', 'y'],
  add_levels: ['a', 'b', 'y'],
  sign_pack: ['bits'],
  binary_conv2d: ['x', 'w', 'scratch'],
  binary_dense: ['x', 'w'],
};

/**
 * Runs a device program on the reference kernels: the oracle for the WebAssembly builds and the exporter.
 *
 * @param input the normalised image, NHWC, as long as `program.input`.
 * @param exit the exit to run to, from 0.
 * @param afterCall reads the arena after each call.
 */
export function runReference(
  program: DeviceProgram,
  input: Float32Array,
  exit = 0,
  afterCall: (call: KernelCall, arena: Uint8Array) => void = () => {},
): ReferenceRun {
  const arena = new ArrayBuffer(program.arenaBytes);
  new Float32Array(arena, program.input.arena, program.input.length).set(input);
  const stages = stagesOf(program);
  for (const call of stages.slice(0, exit + 1).flatMap(({ calls }) => calls)) {
    const kernel = referenceKernels[call.kernel] as (args: unknown) => void;
    kernel(argumentsOf(call, program, arena));
    afterCall(call, new Uint8Array(arena));
  }
  const { logits, shared } = stages[exit];
  return {
    logits: new Float32Array(arena, logits.arena, logits.length),
    shared: new Float32Array(arena, shared.arena, shared.length),
    arena,
  };
}

function argumentsOf(call: KernelCall, program: DeviceProgram, arena: ArrayBuffer): Record<string, unknown> {
  const named = byName(call);
  const resolved = Object.entries(named).map(([name, arg]) => {
    if (typeof arg === 'number' || arg === null) return [name, arg];
    const isBytes = BYTE_ARGUMENTS[call.kernel]?.includes(name) && !(name === 'y' && named.floats);
    return [name, arrayAt(arg, Boolean(isBytes), program, arena)];
  });
  return Object.fromEntries(resolved);
}

function arrayAt(
  pointer: NonNullable<Pointer>,
  isBytes: boolean,
  program: DeviceProgram,
  arena: ArrayBuffer,
): Float32Array | Uint8Array | Int8Array {
  if ('arena' in pointer) {
    return isBytes
      ? new Uint8Array(arena, pointer.arena)
      : new Float32Array(arena, pointer.arena, (arena.byteLength - pointer.arena) >> 2);
  }
  const constant = program.constants[pointer.constant];
  if (constant === undefined) throw new Error(`device program: no constant named ${pointer.constant}`);
  if (isPrepared(constant) !== isBytes)
    throw new Error(
      `device program: constant ${pointer.constant} is ${constant.kind}, but the kernel reads ${isBytes ? 'bytes' : 'f32'}`,
    );
  return isPrepared(constant) ? constant.bytes : programFloats(constant);
}
