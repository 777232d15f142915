import { integer, type Random } from '../../base/random.js';
import { bytesOf, type ImageShape } from '../pixels.js';

/** A rectangle of an image, in pixels. */
export interface Area {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const TRIES = 10;
/** Maximum aspect ratio of an area; the minimum is its inverse. */
const WIDEST = 4 / 3;

/** The centre of an image of shape `stored`, with the size of `shape`. */
export function centralArea(stored: ImageShape, [height, width]: ImageShape): Area {
  return { top: (stored[0] - height) >> 1, left: (stored[1] - width) >> 1, height, width };
}

/** A random area of an image of shape `stored`, with the size of `shape`; all are equally likely. */
export function drawPosition(next: Random, stored: ImageShape, [height, width]: ImageShape): Area {
  const top = integer(next, stored[0] - height + 1);
  return { top, left: integer(next, stored[1] - width + 1), height, width };
}

/**
 * A random area for a random resized crop (Szegedy et al. 2015, section 6). Its share of the image is uniform from
 * `least` to 1, its aspect ratio log-uniform from 3/4 to 4/3, and its position uniform. If ten such areas don't fit,
 * the result is the whole image.
 */
export function drawArea(next: Random, [height, width]: ImageShape, least: number): Area {
  for (let i = 0; i < TRIES; i++) {
    const pixels = height * width * (least + (1 - least) * next());
    const aspect = WIDEST ** (2 * next() - 1);
    const [h, w] = [Math.round(Math.sqrt(pixels / aspect)), Math.round(Math.sqrt(pixels * aspect))];
    if (h < 1 || w < 1 || h > height || w > width) continue;
    return { top: integer(next, height - h + 1), left: integer(next, width - w + 1), height: h, width: w };
  }
  return { top: 0, left: 0, height, width };
}

/**
 * Writes an area of `source` to `target`, resized to `shape` by bilinear interpolation between the centres of pixels.
 * An area of that size is copied. Bytes are HWC, and `source` and `target` must not overlap.
 */
export function cropImage(source: Uint8Array, stored: ImageShape, area: Area, target: Uint8Array, shape: ImageShape) {
  const [height, width, channels] = shape;
  if (area.height === height && area.width === width) {
    const row = width * channels;
    for (let y = 0; y < height; y++) {
      const from = ((area.top + y) * stored[1] + area.left) * channels;
      target.set(source.subarray(from, from + row), y * row);
    }
    return;
  }
  const rows = neighbours(area.top, area.height, height, stored[1] * channels);
  const columns = neighbours(area.left, area.width, width, channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const [above, below, down] = [rows.first[y], rows.second[y], rows.share[y]];
    for (let x = 0; x < width; x++) {
      const [left, right, along] = [columns.first[x], columns.second[x], columns.share[x]];
      for (let c = 0; c < channels; c++) {
        const upper = mix(source[above + left + c], source[above + right + c], along);
        const lower = mix(source[below + left + c], source[below + right + c], along);
        target[to++] = mix(upper, lower, down) + 0.5;
      }
    }
  }
}

/** Whether images of shape `stored` must be cropped for `shape`. */
export const isLarger = (stored: ImageShape, shape: ImageShape): boolean => bytesOf(stored) > bytesOf(shape);

const mix = (a: number, b: number, share: number): number => a + share * (b - a);

/** For each of `size` samples over an extent: the offsets of the two nearest pixels, and the weight of the second. */
function neighbours(start: number, extent: number, size: number, stride: number) {
  const [first, second, share] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
  for (let i = 0; i < size; i++) {
    const at = Math.min(Math.max(((i + 0.5) * extent) / size - 0.5, 0), extent - 1);
    const below = Math.floor(at);
    first[i] = (start + below) * stride;
    second[i] = (start + Math.min(below + 1, extent - 1)) * stride;
    share[i] = at - below;
  }
  return { first, second, share };
}
