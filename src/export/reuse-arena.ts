import { withExits } from '../base/exits.js';
import { type DeviceProgram, type KernelCall, type KernelName, type Pointer, type Stage, stagesOf } from './program.js';

/** A buffer in an arena without overlaps, and the first and last call that use it. */
interface Buffer {
  readonly arena: number;
  readonly bytes: number;
  first: number;
  last: number;
}

/** Kernels whose output may overwrite an input (see the header): the index of the output, and of those inputs. */
const IN_PLACE: { readonly [kernel in KernelName]?: readonly [written: number, read: readonly number[]] } = {
  add_f32: [2, [0, 1]],
  affine_prelu_f32: [4, [0]],
  binary_conv2d: [7, [6]],
  hard_swish_f32: [1, [0]],
  minimum_f32: [2, [0]],
};

/**
 * Returns the same program in a smaller arena: buffers share memory with buffers that no later call reads. In the given
 * program no two buffers overlap. What the loader reads of every stage (`shared`, `logits`) stays intact to the end.
 */
export function reuseArena(program: DeviceProgram): DeviceProgram {
  const buffers = buffersOf(program);
  const hosts = writeInPlace(program, buffers);
  const addresses = new Map<number, number>();
  let arenaBytes = 0;
  // Large buffers first, each at the lowest address that is free for its whole lifetime.
  const placed: Buffer[] = [];
  for (const buffer of [...new Set(hosts.values())].sort((a, b) => b.bytes - a.bytes || a.arena - b.arena)) {
    const alive = placed
      .filter((other) => other.first <= buffer.last && buffer.first <= other.last)
      .map((other) => ({ from: addresses.get(other.arena)!, bytes: other.bytes }))
      .sort((a, b) => a.from - b.from);
    let address = 0;
    for (const { from, bytes } of alive) {
      if (from - address >= buffer.bytes) break;
      address = Math.max(address, from + bytes);
    }
    addresses.set(buffer.arena, address);
    placed.push(buffer);
    arenaBytes = Math.max(arenaBytes, address + buffer.bytes);
  }

  const moved = <Placed extends { readonly arena: number }>(at: Placed): Placed => ({
    ...at,
    arena: addresses.get(hosts.get(at.arena)!.arena)!,
  });
  const movedArgument = (arg: number | Pointer): number | Pointer => (isArena(arg) ? moved(arg) : arg);
  const stages = stagesOf(program).map(
    ({ calls, shared, logits }): Stage => ({
      calls: calls.map(({ kernel, args }): KernelCall => ({ kernel, args: args.map(movedArgument) })),
      shared: moved(shared),
      logits: moved(logits),
    }),
  );
  return { constants: program.constants, arenaBytes, input: moved(program.input), ...withExits(stages) };
}

/** The buffer whose memory each buffer uses: itself, or an input of its call that no later call reads. */
function writeInPlace(program: DeviceProgram, buffers: readonly Buffer[]): Map<number, Buffer> {
  const hosts = new Map(buffers.map((buffer) => [buffer.arena, buffer]));
  for (const [call, { kernel, args }] of stagesOf(program)
    .flatMap(({ calls }) => calls)
    .entries()) {
    const [written, read] = IN_PLACE[kernel] ?? [0, []];
    const y = args[written];
    if (read.length === 0 || !isArena(y)) continue;
    const own = hosts.get(y.arena)!;
    const host = read
      .map((at) => args[at])
      .filter(isArena)
      .map((x) => hosts.get(x.arena)!)
      .find((x) => x !== own && x.last === call && x.bytes === own.bytes);
    if (!host) continue;
    host.last = own.last;
    hosts.set(y.arena, host);
  }
  return hosts;
}

/** Every buffer, from the call that writes it (the input: from the start) to the last call that reads it. */
function buffersOf(program: DeviceProgram): Buffer[] {
  const { arenaBytes, input } = program;
  const stages = stagesOf(program);
  const calls = stages.flatMap((stage) => stage.calls);
  const kept = stages.flatMap(({ shared, logits }) => [shared.arena, logits.arena]);
  const used = calls.map(({ args }) => args.filter(isArena).map(({ arena }) => arena));
  const starts = [...new Set([input.arena, ...kept, ...used.flat()])];
  starts.sort((a, b) => a - b);
  const buffers = new Map(
    starts.map((arena, i): [number, Buffer] => [
      arena,
      { arena, bytes: (starts[i + 1] ?? arenaBytes) - arena, first: calls.length, last: -1 },
    ]),
  );
  const touch = (arena: number, call: number): void => {
    const buffer = buffers.get(arena)!;
    buffer.first = Math.min(buffer.first, call);
    buffer.last = Math.max(buffer.last, call);
  };
  touch(input.arena, -1);
  for (const [call, arenas] of used.entries()) for (const arena of arenas) touch(arena, call);
  for (const arena of kept) touch(arena, calls.length);
  return [...buffers.values()];
}

const isArena = (arg: number | Pointer): arg is { readonly arena: number } =>
  typeof arg === 'object' && arg !== null && 'arena' in arg;
