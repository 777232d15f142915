import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeviceProgram } from './program.js';
import { reuseArena } from './reuse-arena.js';
import { runReference } from './run-reference.js';

/** Sums of earlier buffers of one length each, the first of them the input: [a, b] by how far back they lie. */
const sums = fc.array(fc.tuple(fc.nat(6), fc.nat(6), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 30 });

/** Every buffer at a place of its own, of sizes that differ; each call adds the first 4 values of two buffers. */
function programOf(calls: readonly (readonly [number, number, number])[], shared: number): DeviceProgram {
  const buffers = [{ arena: 0 }];
  let arenaBytes = 16;
  const added = calls.map(([a, b, size]) => {
    const back = (distance: number) => buffers[Math.max(0, buffers.length - 1 - distance)];
    const y = { arena: arenaBytes };
    const args = [back(a), back(b), y, 4];
    arenaBytes += 16 * size;
    buffers.push(y);
    return { kernel: 'add_f32', args } as const;
  });
  const region = ({ arena }: { arena: number }) => ({ arena, length: 4, shape: [4] });
  const given = { arenaBytes, constants: {}, calls: added, input: region(buffers[0]) };
  return { ...given, shared: region(buffers[shared % buffers.length]), logits: region(buffers.at(-1)!) };
}

it('gives the same answers in an arena that is no larger', () => {
  fc.assert(
    fc.property(
      sums,
      fc.nat(),
      fc.float32Array({ minLength: 4, maxLength: 4, noNaN: true }),
      (calls, shared, image) => {
        const program = programOf(calls, shared);
        const reused = reuseArena(program);
        const [before, after] = [program, reused].map((some) => runReference(some, image));
        expect(after.logits).toEqual(before.logits);
        expect(after.shared).toEqual(before.shared);
        expect(reused.arenaBytes).toBeLessThanOrEqual(program.arenaBytes);
      },
    ),
  );
});

it('needs two buffers for a long chain whose input is kept: a sum takes the place of what it adds', () => {
  const chain = programOf(
    Array.from({ length: 50 }, () => [0, 0, 1]),
    0,
  );
  expect(reuseArena(chain).arenaBytes).toBe(2 * 16);
});
