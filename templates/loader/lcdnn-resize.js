// Work on images that the page does for the Worker. Large pixels are resized here, straight from the caller's memory, a few rows at
// a time: copying all of them would take longer. Pictures are drawn here if the Worker can't, and SVGs without a size. lcdnn.js
// imports this file when it is needed.

import { memoryOf } from './parts/memory.js';
import { pixelsOf, tagOf } from './parts/pixels.js';
import { resample } from './parts/resize.js';

export { pixelsOf };

/**
 * @returns a function of RGBA pixels that gives the same levels as the Worker would compute
 * @throws if the kernels are those of an earlier export: a page may be older than this script. It then copies all pixels
 */
export async function openResizer(module, { shape, resize }) {
  const { exports: kernels } = await WebAssembly.instantiate(module, {});
  if (!kernels.lcdnn_filter_rows) throw new Error('lcdnn-resize.js: expected kernels of this export; reload the page');
  const { keep, ...memory } = memoryOf(kernels);
  const release = keep();
  return (pixels) => {
    release();
    return resample({ kernels, ...memory }, pixels, shape, resize);
  };
}

/**
 * A bitmap of a picture that createImageBitmap refuses: an SVG without a size is drawn at the size that the network needs, an SVG
 * file by an element.
 *
 * @throws if it is another picture
 */
export async function drawSvg(image, { shape: [height, width], resize = 0 }) {
  const size = { resizeWidth: Math.max(width, resize), resizeHeight: Math.max(height, resize) };
  if (tagOf(image) === 'HTMLImageElement' && image.complete && image.src) return createImageBitmap(image, size);
  if (image?.type !== 'image/svg+xml') throw new TypeError('expected an SVG');
  const url = URL.createObjectURL(image);
  try {
    const element = Object.assign(new Image(), { src: url });
    await element.decode();
    return await createImageBitmap(element).catch(() => createImageBitmap(element, size));
  } finally {
    URL.revokeObjectURL(url);
  }
}
