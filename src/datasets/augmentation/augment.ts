import { type Random, random } from '../../base/random.js';
import { bytesOf, type ImageShape } from '../pixels.js';
import { type Area, centralArea, cropImage, drawArea, drawPosition, isLarger } from './crop.js';
import { drawSquare, type Square } from './cutout.js';
import { drawJitter, type Jitter, jitterColours } from './jitter.js';
import { drawMove, type Move, moveImage } from './move.js';

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

/** What was drawn for one image; what is absent is off. */
export interface ImageDraw {
  readonly area?: Area;
  readonly move?: Move;
  readonly jitter?: Jitter;
  readonly square?: Square;
}

/** Draws what becomes of an image. @param moves the batch's stream @param own that of the image */
export function drawImage(
  stored: ImageShape,
  shape: ImageShape,
  { shift = 0, flip = false, crop = 1, jitter = 0, cutout = 0 }: Augmentation,
  moves: Random,
  own: Random,
): ImageDraw {
  const drawCrop = (): Area | undefined => {
    if (crop < 1) return drawArea(own, stored, crop);
    return isLarger(stored, shape) ? drawPosition(own, stored, shape) : undefined;
  };
  return {
    area: drawCrop(),
    move: shift > 0 || flip ? drawMove(moves, shift, flip) : undefined,
    jitter: jitter > 0 ? drawJitter(own, jitter) : undefined,
    square: cutout > 0 ? drawSquare(own, shape, cutout) : undefined,
  };
}

/**
 * A function that varies the bytes of one image as it is stored: crop, move, colours. The bytes that it gives are its
 * own, or the image changed in place, until the next call.
 */
export function createAugmenter(stored: ImageShape, shape: ImageShape) {
  const cropped = new Uint8Array(bytesOf(shape));
  const moved = new Uint8Array(bytesOf(shape));
  return (image: Uint8Array, { area, move, jitter }: ImageDraw): Uint8Array => {
    let current = image;
    if (area) {
      cropImage(current, stored, area, cropped, shape);
      current = cropped;
    }
    if (move) {
      moveImage(current, shape, move, moved);
      current = moved;
    }
    if (jitter) jitterColours(current, shape[2], jitter);
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
