import { expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { drawMove, isMirrored, moveImage } from './move.js';

const image = Uint8Array.from([1, 2, 3, 4, 5, 6]); // 2x3

function moved(down: number, right: number, flip = false): number[] {
  const target = new Uint8Array(6).fill(99);
  moveImage(image, [2, 3, 1], { down, right, flip }, target);
  return [...target];
}

it('moves an image and fills with background', () => {
  expect(moved(0, 0)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(moved(1, 0)).toEqual([0, 0, 0, 1, 2, 3]);
  expect(moved(-1, 1)).toEqual([0, 4, 5, 0, 0, 0]);
  expect(moved(0, -2)).toEqual([3, 0, 0, 6, 0, 0]);
  expect(moved(2, 0)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(moved(0, -5)).toEqual([0, 0, 0, 0, 0, 0]);
});

it('mirrors before it moves, and keeps the channels of a pixel together', () => {
  expect(moved(0, 0, true)).toEqual([3, 2, 1, 6, 5, 4]);
  expect(moved(0, 1, true)).toEqual([0, 3, 2, 0, 6, 5]);
  const target = new Uint8Array(6);
  moveImage(image, [1, 3, 2], { down: 0, right: 0, flip: true }, target);
  expect([...target]).toEqual([5, 6, 3, 4, 1, 2]);
});

it('draws every move there is, evenly', () => {
  const next = random(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < 9000; i++) {
    const { down, right, flip } = drawMove(next, 1, true);
    const key = `${down} ${right} ${flip}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(18);
  expect(Math.min(...counts.values())).toBeGreaterThan(400);
  expect(Math.max(...counts.values())).toBeLessThan(600);
  expect(drawMove(next, 0, false)).toEqual({ down: 0, right: 0, flip: false });
});

it('fills the border with the image mirrored at its edge', () => {
  const reflected = (down: number, right: number, flip = false): number[] => {
    const target = new Uint8Array(6);
    moveImage(image, [2, 3, 1], { down, right, flip }, target, 'reflect');
    return [...target];
  };
  expect(reflected(0, 0)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(reflected(1, 0)).toEqual([4, 5, 6, 1, 2, 3]);
  expect(reflected(0, 1)).toEqual([2, 1, 2, 5, 4, 5]);
  expect(reflected(0, -2)).toEqual([3, 2, 1, 6, 5, 4]);
  expect(reflected(0, 5)).toEqual([2, 1, 2, 5, 4, 5]); // by more than the image's width
  expect(reflected(0, 1, true)).toEqual([2, 3, 2, 5, 6, 5]);
});

it('mirrors each image in every other epoch, half of them in the first', () => {
  const mirrored = (epoch: number) => Array.from({ length: 1000 }, (_, image) => isMirrored(3, epoch, image));
  const first = mirrored(0);
  expect(Math.abs(first.filter(Boolean).length - 500)).toBeLessThan(60);
  expect(mirrored(1)).toEqual(first.map((is) => !is));
  expect(mirrored(2)).toEqual(first);
  const other = Array.from({ length: 1000 }, (_, image) => isMirrored(4, 0, image));
  expect(other).not.toEqual(first);
});
