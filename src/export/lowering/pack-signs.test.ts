import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packSigns } from './pack-signs.js';

it('packs each sign to its bit and leaves the filling bits 0', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 40 }),
      fc.infiniteStream(fc.float({ noNaN: true })),
      (rows, columns, stream) => {
        const values = Array.from({ length: rows * columns }, () => stream.next().value as number);
        const bytes = packSigns(rows, columns, (row, column) => values[row * columns + column]);
        const rowBytes = Math.ceil(columns / 8);
        expect(bytes.length).toBe(rows * rowBytes);
        for (let row = 0; row < rows; row++) {
          for (let bit = 0; bit < 8 * rowBytes; bit++) {
            const found = (bytes[row * rowBytes + (bit >> 3)] >> (bit & 7)) & 1;
            expect(found).toBe(bit < columns && values[row * columns + bit] >= 0 ? 1 : 0);
          }
        }
      },
    ),
  );
});

it('takes sign(0) and sign(-0) as +1', () => {
  expect([...packSigns(1, 3, (_, column) => [0, -0, -1][column])]).toEqual([0b011]);
});
