import {
  type ConstantLayout,
  type DeviceProgram,
  isPrepared,
  type KernelCall,
  type Pointer,
  programFloats,
  stagesOf,
} from './program.js';

/** The result of a run of the device program. The arrays are copies. */
export interface WasmRun {
  readonly logits: Float32Array;
  readonly shared: Float32Array;
  readonly probabilities: Float32Array;
  /** Normalised entropy (Eq. 7), in [0, 1]. */
  readonly entropy: number;
}

/** A device program laid out in the memory of one of the builds in kernels/prebuilt/. */
export interface WasmProgram {
  /** All memory of the instance: the kernels' stack, constants, arena. */
  readonly memoryBytes: number;
  /**
   * @param input the normalised image, NHWC, as long as `program.input`.
   * @param exit the exit to run to, from 0. Default: the first.
   * @param afterCall reads, and may change, the arena after each call.
   */
  run(input: Float32Array, exit?: number, afterCall?: (call: KernelCall, arena: Uint8Array) => void): WasmRun;
}

const PAGE = 65536;
const align = (bytes: number): number => (bytes + 15) & ~15;

/**
 * Loads a program into a build of the kernels. Memory from `__heap_base` on: constants (binary weights in the build's
 * order), arena, probabilities. While binary weights are prepared, the arena holds them in their download order.
 */
export function instantiate(program: DeviceProgram, wasm: Uint8Array<ArrayBuffer>): WasmProgram {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  const memory = exports['memory'] as WebAssembly.Memory;
  const kernel = (name: string): ((...args: number[]) => number) => {
    const found = exports[`lcdnn_${name}`];
    if (typeof found !== 'function') throw new Error(`the .wasm exports no kernel named lcdnn_${name}`);
    return found as (...args: number[]) => number;
  };

  const constants = Object.entries(program.constants);
  const heap = align((exports['__heap_base'] as WebAssembly.Global).value);
  const addresses = new Map<string, number>();
  let end = heap;
  for (const [name, constant] of constants) {
    addresses.set(name, end);
    end = align(end + residentBytes(constant, kernel));
  }
  const arena = end;
  const probabilities = align(arena + program.arenaBytes);
  const downloadBytes = Math.max(
    0,
    ...constants.map(([, constant]) => (isPrepared(constant) ? constant.bytes.length : 0)),
  );
  growTo(memory, Math.max(probabilities + 4 * program.logits.length, arena + downloadBytes));

  for (const [name, constant] of constants) {
    const start = addresses.get(name)!;
    if (!isPrepared(constant)) {
      const values = programFloats(constant);
      new Float32Array(memory.buffer, start, values.length).set(values);
    } else {
      const { buffer, byteOffset, length } = constant.bytes;
      new Uint8Array(memory.buffer, arena, length).set(new Uint8Array(buffer, byteOffset, length));
      kernel(`prepare_${constant.kernel}`)(arena, start, ...constant.shape);
    }
  }

  const address = (arg: number | Pointer): number => {
    if (typeof arg === 'number') return arg;
    if (arg === null) return 0;
    if ('arena' in arg) return arena + arg.arena;
    const start = addresses.get(arg.constant);
    if (start === undefined) throw new Error(`device program: no constant named ${arg.constant}`);
    return start;
  };
  const prepared = (call: KernelCall) => ({ call, run: kernel(call.kernel), args: call.args.map(address) });
  const stages = stagesOf(program).map((stage) => ({ ...stage, calls: stage.calls.map(prepared) }));
  const softmaxEntropy = kernel('softmax_entropy');
  const read = (at: number, length: number): Float32Array => new Float32Array(memory.buffer, at, length).slice();
  const { input } = program;

  return {
    memoryBytes: memory.buffer.byteLength,
    run(image, exit = 0, afterCall = undefined) {
      new Float32Array(memory.buffer, arena + input.arena, input.length).set(image);
      const bytes = new Uint8Array(memory.buffer, arena, program.arenaBytes);
      for (const { call, run, args } of stages.slice(0, exit + 1).flatMap(({ calls }) => calls)) {
        run(...args);
        afterCall?.(call, bytes);
      }
      const { shared, logits } = stages[exit];
      const entropy = softmaxEntropy(arena + logits.arena, probabilities, logits.length);
      return {
        logits: read(arena + logits.arena, logits.length),
        shared: read(arena + shared.arena, shared.length),
        probabilities: read(probabilities, logits.length),
        entropy,
      };
    },
  };
}

function residentBytes(constant: ConstantLayout, kernel: (name: string) => (...args: number[]) => number): number {
  if (isPrepared(constant)) return kernel(`prepared_${constant.kernel}_bytes`)(...constant.shape);
  return 4 * (constant.kind === 'f32' ? constant.values : constant.steps).length;
}

function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}
