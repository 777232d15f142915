// Bitmaps and their pixels.

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
