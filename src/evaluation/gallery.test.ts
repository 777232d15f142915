import { expect, it } from 'vitest';
import { chooseGallery } from './gallery.js';

const answers = (classes: number[], confidence: number[]) => ({
  classes: Uint16Array.from(classes),
  confidence: Float64Array.from(confidence),
});
const labels = [0, 1, 0, 1, 0];
const full = answers([0, 1, 0, 1, 1], [0.9, 0.8, 0.7, 0.6, 0.5]);
const exit = { ...answers([1, 0, 0, 1, 1], [0.7, 0.95, 0.5, 0.55, 0.6]), entropy: [0.2, 0.1, 0.9, 0.8, 0.3] };
// Samples 0, 1 and 4 exit early.
const together = {
  ...answers([1, 0, 0, 1, 1], [0.7, 0.95, 0.7, 0.6, 0.6]),
  early: Uint8Array.of(1, 1, 0, 0, 1),
  exit: Int16Array.of(0, 0, -1, -1, 0),
};

it('chooses confident mistakes, harmful exits, and images that went to the edge for nothing', () => {
  expect(chooseGallery({ labels, full, exits: [exit], together }, 9)).toEqual({
    mistakes: [1, 0, 4],
    harmful: [1, 0],
    needless: [3, 2],
  });
  expect(chooseGallery({ labels, full, exits: [exit], together }, 1).mistakes).toEqual([1]);
});

it('shows the mistakes of the full branch until a threshold is tuned', () => {
  expect(chooseGallery({ labels, full, exits: [exit] }, 9)).toEqual({ mistakes: [4], harmful: [], needless: [] });
});
