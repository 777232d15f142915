import { minify_sync } from 'terser';
import { sha256 } from '../bundle/manifest.js';
import type { ConstantLayout, DeviceProgram, KernelCall, Pointer } from '../export/program.js';
import { KERNEL_ARGUMENTS, stagesOf } from '../export/program.js';

const PROGRAM_BLOCK = /^\/\/ <program>.*?^\/\/ <\/program>.*?$/ms;

/**
 * The loader of one model: the template with the device program printed into it as plain calls, one function per stage. Its
 * parameters are `k`, the kernels' exports; `a`, the arena's address; and `c`, the addresses of the constants.
 */
export function printLoader(template: string, program: DeviceProgram): string {
  if (!PROGRAM_BLOCK.test(template)) throw new Error('the loader template has no <program> block');
  return compact(template.replace(PROGRAM_BLOCK, () => printProgram(program)));
}

function printProgram(program: DeviceProgram): string {
  const constants = Object.entries(program.constants).map(([name, constant]) => {
    return [name, sizeOf(constant)] as const;
  });
  const stages = stagesOf(program);
  const facts = {
    arenaBytes: program.arenaBytes,
    input: program.input.arena,
    exits: stages.map(({ shared, logits }) => ({
      shared: shared.arena,
      sharedLength: shared.length,
      logits: logits.arena,
    })),
    constants: Object.fromEntries(constants),
  };
  const functions = stages.flatMap(({ calls }) => [
    '(k, a, c) => {',
    ...calls.map((call) => printCall(call, program)),
    '},',
  ]);
  // A page and its Worker compare it, to notice that they loaded different exports.
  const hash = sha256(JSON.stringify([facts, functions])).slice(0, 12);
  return [`const PROGRAM = ${JSON.stringify({ ...facts, hash })};`, 'const STAGES = [', ...functions, '];'].join('\n');
}

/** What the loader needs to know about a constant: its length, [kernel, ...shape] of bits, or rows and columns of steps. */
function sizeOf(constant: ConstantLayout): unknown {
  if (constant.kind === 'f32') return constant.values.length;
  if (constant.kind === 'bits') return [constant.kernel, ...constant.shape];
  return { rows: constant.scales.length, columns: constant.steps.length / constant.scales.length };
}

function printCall({ kernel, args }: KernelCall, program: DeviceProgram): string {
  const expected = KERNEL_ARGUMENTS[kernel].length;
  if (args.length !== expected)
    throw new Error(`${kernel} takes ${expected} arguments, the program gives ${args.length}`);
  return `k.lcdnn_${kernel}(${args.map((arg) => printArgument(arg, program)).join(', ')});`;
}

function printArgument(argument: number | Pointer, { arenaBytes, constants }: DeviceProgram): string {
  if (argument === null) return '0';
  if (typeof argument === 'number') {
    if (!Number.isInteger(argument)) throw new Error(`a kernel's argument is a whole number, not ${argument}`);
    return String(argument);
  }
  if ('arena' in argument) {
    if (!(argument.arena >= 0 && argument.arena < arenaBytes))
      throw new Error(`${argument.arena} is outside the arena`);
    return argument.arena === 0 ? 'a' : `a + ${argument.arena}`;
  }
  if (!Object.hasOwn(constants, argument.constant)) throw new Error(`the program has no constant ${argument.constant}`);
  return `c[${JSON.stringify(argument.constant)}]`;
}

/**
 * Minifies a script: no comments or spaces, short names. The code keeps its structure, because bundlers recognise the files
 * beside it by `new URL('./FILE', import.meta.url)`.
 */
export function compact(source: string): string {
  return `${minify_sync(source, { module: true, compress: false, mangle: true }).code}\n`;
}
