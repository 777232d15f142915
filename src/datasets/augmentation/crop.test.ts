import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { type Area, centralArea, cropImage, drawArea, drawPosition } from './crop.js';

const image = Uint8Array.from([10, 20, 30, 40, 50, 60, 70, 80, 90]); // 3x3

function cropped(area: Area, height: number, width: number): number[] {
  const target = new Uint8Array(height * width);
  cropImage(image, [3, 3, 1], area, target, [height, width, 1]);
  return [...target];
}

describe('cropImage', () => {
  it('copies an area of the size that is wanted', () => {
    expect(cropped({ top: 0, left: 0, height: 3, width: 3 }, 3, 3)).toEqual([...image]);
    expect(cropped({ top: 1, left: 1, height: 2, width: 2 }, 2, 2)).toEqual([50, 60, 80, 90]);
  });

  it('interpolates between the centres of pixels, never beyond the area', () => {
    expect(cropped({ top: 0, left: 0, height: 1, width: 2 }, 1, 4)).toEqual([10, 13, 18, 20]);
    expect(cropped({ top: 0, left: 0, height: 2, width: 2 }, 1, 1)).toEqual([30]);
    expect(cropped({ top: 2, left: 2, height: 1, width: 1 }, 2, 2)).toEqual([90, 90, 90, 90]);
  });

  it('keeps channels apart', () => {
    const target = new Uint8Array(2);
    cropImage(Uint8Array.of(10, 100, 30, 200), [1, 2, 2], { top: 0, left: 0, height: 1, width: 2 }, target, [1, 1, 2]);
    expect([...target]).toEqual([20, 150]);
  });
});

it('takes the middle for evaluation', () => {
  expect(centralArea([256, 300, 3], [224, 224, 3])).toEqual({ top: 16, left: 38, height: 224, width: 224 });
});

it('draws areas inside the image, no smaller than asked, within 3/4 and 4/3', () => {
  const size = fc.integer({ min: 16, max: 300 });
  const least = fc.double({ min: 0.08, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(size, size, least, fc.nat(), (height, width, share, seed) => {
      const area = drawArea(random(seed), [height, width, 3], share);
      expect(area.top >= 0 && area.left >= 0).toBe(true);
      expect(area.top + area.height <= height && area.left + area.width <= width).toBe(true);
      // Sides are whole pixels, so allow half a pixel.
      expect((area.height + 0.5) * (area.width + 0.5)).toBeGreaterThanOrEqual(share * height * width);
      const whole = area.height === height && area.width === width;
      expect(whole || (area.width - 0.5) / (area.height + 0.5) <= 4 / 3).toBe(true);
      expect(whole || (area.width + 0.5) / (area.height - 0.5) >= 3 / 4).toBe(true);
      expect(drawArea(random(seed), [height, width, 3], share)).toEqual(area);
    }),
  );
});

it('draws every position there is', () => {
  const next = random(1);
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { top, left } = drawPosition(next, [5, 4, 3], [3, 3, 3]);
    seen.add(`${top} ${left}`);
  }
  expect([...seen].sort()).toEqual(['0 0', '0 1', '1 0', '1 1', '2 0', '2 1']);
});
