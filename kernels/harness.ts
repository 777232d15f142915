import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { inOrder, type KernelName, type NamedArguments } from '../src/export/program.js';

/** The builds in kernels/prebuilt/. */
export const BUILDS = ['relaxed-simd', 'simd', 'scalar'] as const;
export type Build = (typeof BUILDS)[number];

/** An argument of a kernel: a number, an array that is copied to the module's memory, or an absent pointer. */
export type Argument = number | Float32Array | Uint8Array | null;

/** A build of the kernels whose functions tests and benchmarks call one by one. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  /** Copies an array into fresh memory, 16-byte aligned, at least `GUARD` bytes from its neighbours. */
  place(array: Float32Array | Uint8Array): number;
  /** The kernel of that name, without its `lcdnn_` prefix. */
  kernel(name: string): (...args: number[]) => number;
  /** Calls a kernel of device programs with its arguments by name, as `call` does. */
  run<Kernel extends KernelName>(kernel: Kernel, named: NamedArguments<Kernel, Argument>): void;
  /**
   * Calls a function with arrays copied to memory, and copies them back. Returns its result. Throws if the function wrote
   * outside the arrays.
   */
  call(name: string, ...args: Argument[]): number;
  /** Binary weights of that shape (`ConstantLayout`) in this build's order, for the kernel that reads them. */
  prepare(kernel: string, downloaded: Uint8Array, ...shape: number[]): Uint8Array;
}

/** The bytes of a build. Lets this process compile them: Node 20 has relaxed SIMD only behind a flag. */
export function readKernels(build: Build, folder = new URL('prebuilt/', import.meta.url)): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(readFileSync(new URL(`lcdnn-${build}.wasm`, folder)));
  if (!WebAssembly.validate(bytes)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return bytes;
}

const GUARD = 64;
const GUARD_BYTE = 0xa5;

export function loadKernels(build: Build, folder?: URL): Kernels {
  const module = new WebAssembly.Module(readKernels(build, folder));
  const { exports } = new WebAssembly.Instance(module);
  const memory = exports['memory'] as WebAssembly.Memory;
  const heap = (exports['__heap_base'] as WebAssembly.Global).value as number;
  const kernel = (name: string) => exports[`lcdnn_${name}`] as (...args: number[]) => number;
  let end = heap;

  function place(array: Float32Array | Uint8Array): number {
    const at = (end + GUARD + 15) & ~15;
    const newEnd = at + array.byteLength;
    const missing = newEnd + GUARD - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(GUARD_BYTE, end, newEnd + GUARD);
    bytes.set(bytesOf(array), at);
    end = newEnd;
    return at;
  }

  function call(name: string, ...args: Argument[]): number {
    const start = end;
    const placed: { at: number; array: Float32Array | Uint8Array }[] = [];
    const numbers = args.map((arg) => {
      if (typeof arg === 'number' || arg === null) return arg ?? 0;
      const at = place(arg);
      placed.push({ at, array: arg });
      return at;
    });
    const result = kernel(name)(...numbers);
    let guarded = start;
    for (const { at, array } of [...placed, { at: end + GUARD, array: new Uint8Array(0) }]) {
      const guard = new Uint8Array(memory.buffer, guarded, at - guarded);
      const hit = guard.findIndex((byte) => byte !== GUARD_BYTE);
      if (hit >= 0) throw new Error(`${name} wrote ${at - guarded - hit} bytes before an array of ${array.byteLength}`);
      bytesOf(array).set(new Uint8Array(memory.buffer, at, array.byteLength));
      guarded = at + array.byteLength;
    }
    end = start;
    return result;
  }

  function run<Kernel extends KernelName>(kernel: Kernel, named: NamedArguments<Kernel, Argument>): void {
    call(kernel, ...inOrder<Kernel, Argument>(kernel, named));
  }

  function prepare(name: string, downloaded: Uint8Array, ...shape: number[]): Uint8Array {
    const prepared = new Uint8Array(kernel(`prepared_${name}_bytes`)(...shape));
    call(`prepare_${name}`, downloaded, prepared, ...shape);
    return prepared;
  }

  return { memory, place, kernel, run, call, prepare };
}

const bytesOf = (array: Float32Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
