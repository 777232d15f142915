import type { DeviceProgram, KernelCall, Pointer, Region } from './program.js';

/** A buffer of a program whose buffers lie one behind the other, and the calls between which it must stay intact. */
interface Buffer {
  readonly arena: number;
  readonly bytes: number;
  first: number;
  last: number;
}

/**
 * The same program in a smaller arena: a buffer takes the place of others that no later call reads. Every buffer of the
 * given program has a place of its own. What the loader reads (`shared`, `logits`) stays intact to the end.
 */
export function reuseArena(program: DeviceProgram): DeviceProgram {
  const buffers = buffersOf(program);
  const places = new Map<number, number>();
  let arenaBytes = 0;
  // Large buffers first, each at the lowest place that is free for as long as it lives.
  const placed: Buffer[] = [];
  for (const buffer of [...buffers].sort((a, b) => b.bytes - a.bytes || a.arena - b.arena)) {
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
    arena: places.get(at.arena)!,
  });
  const movedArgument = (arg: number | Pointer): number | Pointer => (isArena(arg) ? moved(arg) : arg);
  return {
    ...program,
    arenaBytes,
    calls: program.calls.map(({ kernel, args }): KernelCall => ({ kernel, args: args.map(movedArgument) })),
    input: moved(program.input),
    shared: moved(program.shared),
    logits: moved(program.logits),
  };
}

/** Every buffer, from the call that writes it (the input: from the start) to the last that reads it. */
function buffersOf({ arenaBytes, calls, input, shared, logits }: DeviceProgram): Buffer[] {
  const used = calls.map(({ args }) => args.filter(isArena).map(({ arena }) => arena));
  const starts = [...new Set([input, shared, logits].map(({ arena }: Region) => arena).concat(used.flat()))];
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
  for (const { arena } of [shared, logits]) touch(arena, calls.length);
  return [...buffers.values()];
}

const isArena = (arg: number | Pointer): arg is { readonly arena: number } =>
  typeof arg === 'object' && arg !== null && 'arena' in arg;
