import { expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { cutOut, drawSquare } from './cutout.js';

/** Rows and columns of the blank pixels. */
function blanks(side: number, seed: number, [height, width]: [number, number]): { rows: number[]; columns: number[] } {
  const image = new Float32Array(height * width * 2).fill(7);
  const shape = [height, width, 2] as const;
  cutOut(image, shape, drawSquare(random(seed), shape, side));
  const at = Array.from({ length: height * width }, (_, i) => i).filter((i) => image[2 * i] === 0);
  for (let i = 0; i < height * width; i++) expect(image[2 * i + 1]).toBe(image[2 * i]);
  const rows = [...new Set(at.map((i) => Math.floor(i / width)))];
  const columns = [...new Set(at.map((i) => i % width))];
  expect(at.length).toBe(rows.length * columns.length); // a rectangle
  return { rows, columns };
}

it('blanks a square, cut at the border, whose middle may be any pixel', () => {
  const sizes = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { rows, columns } = blanks(3, seed, [6, 7]);
    sizes.add(`${rows.length} ${columns.length}`);
    expect(rows.at(-1)).toBe(rows[0] + rows.length - 1);
  }
  expect([...sizes].sort()).toEqual(['2 2', '2 3', '3 2', '3 3']);
});

it('blanks one pixel at side 1, and everything where the side is large', () => {
  expect(blanks(1, 5, [6, 7]).rows.length).toBe(1);
  expect(blanks(100, 5, [6, 7])).toEqual({ rows: [0, 1, 2, 3, 4, 5], columns: [0, 1, 2, 3, 4, 5, 6] });
});
