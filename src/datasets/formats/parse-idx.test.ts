import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idx } from '../../../test/tiny-dataset.js';
import { UserError } from '../../base/errors.js';
import { parseIdxImages, parseIdxLabels } from './parse-idx.js';

describe('parseIdxImages', () => {
  it('reads what was written', () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, fc.integer(), (count, rows, columns, seed) => {
        const pixels = Uint8Array.from({ length: count * rows * columns }, (_, i) => i * 31 + seed);
        const parsed = parseIdxImages(idx([2051, count, rows, columns], pixels), 'x');
        expect(parsed).toMatchObject({ count, rows, columns });
        expect([...parsed.pixels]).toEqual([...pixels]);
      }),
    );
  });

  it.each([
    ['an empty file', Buffer.alloc(0), /images: expected an IDX header of 16 bytes, found a file of 0/],
    ['a header cut short', idx([2051, 1], [0, 0]), /IDX header of 16 bytes, found a file of 10/],
    ['labels', idx([2049, 2, 1, 1], [0, 0]), /magic number 2051\), found magic number 2049/],
    [
      'a pixel too few',
      idx([2051, 2, 2, 2], new Uint8Array(7)),
      /expected 8 bytes .*2 images of 2x2.*found 7.*cut short/,
    ],
    ['a pixel too many', idx([2051, 2, 2, 2], new Uint8Array(9)), /expected 8 bytes .*found 9.*goes on/],
    [
      'sizes whose product is 2^96',
      idx([2051, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1]),
      /found 1; it is cut short/,
    ],
    ['sizes whose product is 0 in 32 bits', idx([2051, 2 ** 16, 2 ** 16, 1], []), /found 0; it is cut short/],
    ['no images', idx([2051, 0, 28, 28], []), /expected images, found none \(sizes 0 x 28 x 28\)/],
  ])('refuses %s', (_, content, message) => {
    expect(() => parseIdxImages(content, 'images')).toThrow(UserError);
    expect(() => parseIdxImages(content, 'images')).toThrow(message);
  });

  it('gives a UserError or images for any bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(fc.array(fc.nat(4), { maxLength: 4 }), fc.uint8Array())
        .map(([sizes, body]) => idx([2051, ...sizes], body)),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        try {
          const { count, rows, columns, pixels } = parseIdxImages(content, 'x');
          expect(pixels.length).toBe(count * rows * columns);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});

describe('parseIdxLabels', () => {
  it('reads labels', () => {
    expect([...parseIdxLabels(idx([2049, 3], [2, 0, 1]), 'x', 3)]).toEqual([2, 0, 1]);
  });

  it.each([
    ['images', idx([2051, 3, 1, 1], [0, 0, 0]), /found magic number 2051/],
    ['a label too few', idx([2049, 3], [0, 0]), /its header says 3 labels\), found 2/],
    ['a label too many', idx([2049, 3], [0, 0, 0, 0]), /found 4; it goes on/],
    ['a label out of range', idx([2049, 3], [0, 3, 0]), /labels: expected labels from 0 to 2, found 3 at index 1/],
  ])('refuses %s', (_, content, message) => {
    expect(() => parseIdxLabels(content, 'labels', 3)).toThrow(UserError);
    expect(() => parseIdxLabels(content, 'labels', 3)).toThrow(message);
  });
});
