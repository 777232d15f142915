import { sha256 } from '../base/hash.js';
import {
  type ConstantLayout,
  type DeviceProgram,
  isPrepared,
  KERNEL_ARGUMENTS,
  type KernelCall,
  type Pointer,
  stagesOf,
  storedFloats,
} from '../export/program.js';
import { compact } from './loader-scripts.js';

const PROGRAM_BLOCK = /^\/\/ <program>.*?^\/\/ <\/program>.*?$/ms;

/**
 * The loader of one model: its script with the device program printed into it as data. The loader runs the program, or sends it
 * to the Worker, which is the same for all models.
 *
 * @param name of the model
 */
export function printLoader(source: string, program: DeviceProgram, name: string): string {
  if (!PROGRAM_BLOCK.test(source)) throw new Error('the loader template has no <program> block');
  const printed = `const PROGRAM = ${JSON.stringify({ name, hash: programHash(program), ...programData(program) })};`;
  return compact(source.replace(PROGRAM_BLOCK, () => printed));
}

/** Tells programs apart, so that a loader never runs with the weights of another program. */
export function programHash(program: DeviceProgram): string {
  return sha256(JSON.stringify(programData(program))).slice(0, 12);
}

/** In a call, a number stands for itself, a list of one number for a position in the arena, a text for a constant. */
function programData(program: DeviceProgram) {
  const constants = Object.entries(program.constants).map(([name, constant]) => [name, sizeOf(constant)] as const);
  return {
    arenaBytes: program.arenaBytes,
    input: program.input.arena,
    floats: Object.values(program.constants).reduce((sum, constant) => sum + (storedFloats(constant)?.length ?? 0), 0),
    constants: Object.fromEntries(constants),
    stages: stagesOf(program).map(({ shared, logits, calls }) => ({
      shared: shared.arena,
      sharedLength: shared.length,
      logits: logits.arena,
      calls: calls.map((call) => callData(call, program)),
    })),
  };
}

/** What the loader needs to know about a constant: the number of floats, [kernel, bytes, ...shape] of weights, or the numbers of steps. */
function sizeOf(constant: ConstantLayout): unknown {
  if (constant.kind === 'f32') return constant.values.length;
  if (isPrepared(constant)) return [constant.kernel, constant.bytes.length, ...constant.shape];
  return { steps: constant.steps.length, scales: constant.scales.length, each: constant.each };
}

function callData({ kernel, args }: KernelCall, program: DeviceProgram): unknown[] {
  const expected = KERNEL_ARGUMENTS[kernel].length;
  if (args.length !== expected)
    throw new Error(`${kernel} takes ${expected} arguments, the program gives ${args.length}`);
  return [kernel, ...args.map((arg) => argumentData(arg, program))];
}

function argumentData(argument: number | Pointer, { arenaBytes, constants }: DeviceProgram): unknown {
  if (argument === null) return 0;
  if (typeof argument === 'number') {
    if (!Number.isInteger(argument)) throw new Error(`a kernel's argument is a whole number, not ${argument}`);
    return argument;
  }
  if ('arena' in argument) {
    if (!(argument.arena >= 0 && argument.arena < arenaBytes))
      throw new Error(`${argument.arena} is outside the arena`);
    return [argument.arena];
  }
  if (!Object.hasOwn(constants, argument.constant)) throw new Error(`the program has no constant ${argument.constant}`);
  return argument.constant;
}
