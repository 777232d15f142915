// From a picture to the network's input. Both `lcdnn.js` and the branch contain some of it.

import { resample } from './resize.js';

export const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

// By name, because a bitmap of another window is an instance of another class.
export const isBitmap = (image) => tagOf(image) === 'ImageBitmap';

export const unreadable = ({ message }) =>
  new Error(`image: expected a picture that this page may read, found another (${message})`);

/** Draws a bitmap on black and closes it. Not all browsers have canvases of more than 2^24 pixels: larger images are shrunk. */
export function pixelsOf(bitmap) {
  const shrink = Math.min(1, Math.sqrt(2 ** 24 / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((size) => Math.ceil(size * shrink));
  const canvas = globalThis.OffscreenCanvas ? new OffscreenCanvas(width, height) : document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  try {
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (thrown) {
    throw unreadable(thrown);
  } finally {
    bitmap.close();
  }
}

/** Any image that `readImage` gives as the network's input: normalised, NHWC. */
export function toInput(image, { shape, mean, std, resize }) {
  if (image instanceof Float32Array) return image;
  const channels = shape[2];
  const values = ArrayBuffer.isView(image) ? image : resample(isBitmap(image) ? pixelsOf(image) : image, shape, resize);
  return Float32Array.from(values, (value, i) => (value / 255 - mean[i % channels]) / std[i % channels]);
}
