import { type Random, random } from '../../base/random.js';
import { bytesOf, type ImageShape } from '../pixels.js';
import { type Area, centralArea, cropImage, drawArea, drawPosition, isLarger } from './crop.js';
import { drawJitter, jitterColours } from './jitter.js';
import { drawMove, moveImage } from './move.js';

/** How training images are varied. What is absent is off. */
export interface Augmentation {
  /** Move by up to this many pixels, whole ones, in each direction. */
  readonly shift?: number;
  /** Mirror half of the images left to right. */
  readonly flip?: boolean;
  /** Cut out an area of at least this share, and bring it to size. 1 is off. */
  readonly crop?: number;
  /** Strength of changes to brightness, contrast and saturation, in [0, 1]. */
  readonly jitter?: number;
  /** Side of the square that is set to the mean colour, in pixels. */
  readonly cutout?: number;
  /** α of the Beta distribution that images of a batch are mixed by. */
  readonly mixup?: number;
}

/** What all draws of a batch come from: the same three, the same bits, in whatever thread. */
export interface BatchDraw {
  readonly seed: number;
  readonly epoch: number;
  readonly index: number;
}

/** What the images of one batch are drawn from: the moves in turn, all else from a stream of each image's own. */
export function drawsOf({ seed, epoch, index }: BatchDraw): { moves: Random; ofImage: (i: number) => Random } {
  return { moves: random(seed, epoch, index), ofImage: (i) => random(seed, epoch, index, i + 1) };
}

/**
 * A function that varies one image as it is stored: crop, move, colours. The bytes that it gives are its own, or the
 * image changed in place, until the next call.
 */
export function createAugmenter(stored: ImageShape, shape: ImageShape, augmentation: Augmentation) {
  const { shift = 0, flip = false, crop = 1, jitter = 0 } = augmentation;
  const cropped = new Uint8Array(bytesOf(shape));
  const moved = new Uint8Array(bytesOf(shape));
  const drawCrop = (own: Random): Area | undefined => {
    if (crop < 1) return drawArea(own, stored, crop);
    return isLarger(stored, shape) ? drawPosition(own, stored, shape) : undefined;
  };
  return (image: Uint8Array, moves: Random, own: Random): Uint8Array => {
    let current = image;
    const area = drawCrop(own);
    if (area) {
      cropImage(current, stored, area, cropped, shape);
      current = cropped;
    }
    if (shift > 0 || flip) {
      moveImage(current, shape, drawMove(moves, shift, flip), moved);
      current = moved;
    }
    if (jitter > 0) jitterColours(current, shape[2], drawJitter(own, jitter));
    return current;
  };
}

/** A function that gives an image as it is evaluated: its middle where it is stored larger. */
export function createCentralCrop(stored: ImageShape, shape: ImageShape): (image: Uint8Array) => Uint8Array {
  if (!isLarger(stored, shape)) return (image) => image;
  const cropped = new Uint8Array(bytesOf(shape));
  return (image) => {
    cropImage(image, stored, centralArea(stored, shape), cropped, shape);
    return cropped;
  };
}
