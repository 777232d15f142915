import { expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { drawJitter, type Jitter, jitterColours } from './jitter.js';

const SAME: Jitter = { brightness: 1, contrast: 1, saturation: 1 };

function jittered(bytes: number[], channels: number, change: Partial<Jitter>): number[] {
  const image = Uint8Array.from(bytes);
  jitterColours(image, channels, { ...SAME, ...change });
  return [...image];
}

const every = Array.from({ length: 768 }, (_, i) => (i * 101) % 256);

it('changes nothing at factors of 1, which strength 0 gives', () => {
  expect(drawJitter(random(1), 0)).toEqual(SAME);
  expect(jittered(every, 3, {})).toEqual(every);
  expect(jittered(every, 1, {})).toEqual(every);
});

it('scales brightness, and stops at black and white', () => {
  expect(jittered([10, 100, 200], 3, { brightness: 1.5 })).toEqual([15, 150, 255]);
  expect(jittered([10, 100, 200], 1, { brightness: 0 })).toEqual([0, 0, 0]);
});

it('moves pixels away from the mean grey with contrast', () => {
  expect(jittered([50, 150], 1, { contrast: 0.5 })).toEqual([75, 125]);
  expect(jittered([50, 50, 50, 150, 150, 150], 3, { contrast: 1.5 })).toEqual([25, 25, 25, 175, 175, 175]);
});

it('ends at grey without saturation; one channel has none', () => {
  const grey = Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50);
  expect(jittered([200, 100, 50], 3, { saturation: 0 })).toEqual([grey, grey, grey]);
  expect(jittered([77, 77, 77], 3, { saturation: 1.7 })).toEqual([77, 77, 77]);
  expect(jittered([3, 200], 1, { saturation: 0 })).toEqual([3, 200]);
});

it('draws factors within the strength', () => {
  const next = random(2);
  for (let i = 0; i < 300; i++) {
    for (const factor of Object.values(drawJitter(next, 0.4))) expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.4);
  }
});
