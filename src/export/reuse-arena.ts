import { withExits } from '../base/exits.js';
import { type DeviceProgram, type KernelCall, type KernelName, type Pointer, type Stage, stagesOf } from './program.js';

/** A buffer of a program whose buffers lie one behind the other, and the calls between which it must stay intact. */
interface Buffer {
  readonly arena: number;
  readonly bytes: number;
  first: number;
  last: number;
}

/** Kernels that may write where they read, by the header: the argument that they write, and those whose place it may take. */
const IN_PLACE: { readonly [kernel in KernelName]?: readonly [written: number, read: readonly number[]] } = {
  add_f32: [2, [0, 1]],
  affine_prelu_f32: [4, [0]],
  minimum_f32: [2, [0]],
};

/**
 * The same program in a smaller arena: a buffer takes the place of others that no later call reads. Every buffer of the
 * given program has a place of its own. What the loader reads of every stage (`shared`, `logits`) stays intact to the end.
 */
export function reuseArena(program: DeviceProgram): DeviceProgram {
  const buffers = buffersOf(program);
  const hosts = writeInPlace(program, buffers);
  const places = new Map<number, number>();
  let arenaBytes = 0;
  // Large buffers first, each at the lowest place that is free for as long as it lives.
  const placed: Buffer[] = [];
  for (const buffer of [...new Set(hosts.values())].sort((a, b) => b.bytes - a.bytes || a.arena - b.arena)) {
    const beside = placed
      .filter((other) => other.first <= buffer.last && buffer.first <= other.last)
      .map((other) => ({ from: places.get(other.arena)!, bytes: other.bytes }))
      .sort((a, b) => a.from - b.from);
    let place = 0;
    for (const { from, bytes } of beside) {
      if (from - place >= buffer.bytes) break;
      place = Math.max(place, from + bytes);
    }
    places.set(buffer.arena, place);
    placed.push(buffer);
    arenaBytes = Math.max(arenaBytes, place + buffer.bytes);
  }

  const moved = <Placed extends { readonly arena: number }>(at: Placed): Placed => ({
    ...at,
    arena: places.get(hosts.get(at.arena)!.arena)!,
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

/** The buffer whose place each takes: its own, or that of one which nobody reads after the call that writes this one. */
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

/** Every buffer, from the call that writes it (the input: from the start) to the last that reads it. */
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
