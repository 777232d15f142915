// From an image that `readImage` gives to the network's input.

import { isBitmap, pixelsOf } from './pixels.js';
import { resample } from './resize.js';

/** @returns the image normalised, NHWC */
export function toInput(memory, image, { shape, mean, std, resize }) {
  if (image instanceof Float32Array) return image;
  const channels = shape[2];
  const levels = ArrayBuffer.isView(image)
    ? image
    : resample(memory, isBitmap(image) ? pixelsOf(image) : image, shape, resize);
  const values = new Float32Array(levels.length);
  for (let c = 0; c < channels; c++) {
    const normalised = Float32Array.from({ length: 256 }, (_, level) => (level / 255 - mean[c]) / std[c]);
    for (let i = c; i < values.length; i += channels) values[i] = normalised[levels[i]];
  }
  return values;
}
