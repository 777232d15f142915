import { type Random, random } from '../../base/random.js';
import { bytesOf, type ImageShape } from '../pixels.js';
import { type Area, centralArea, cropImage, drawArea, drawPosition, isLarger } from './crop.js';
import { drawSquare, type Square } from './cutout.js';
import { drawJitter, type Jitter, jitterColours } from './jitter.js';
import { drawMove, isMirrored, type Move, moveImage, type ShiftFill } from './move.js';

/** Augmentation of training images. Whatever is absent is off. */
export interface Augmentation {
  /** Move by up to this many whole pixels in each direction. */
  readonly shift?: number;
  /** Border of a moved image: the background (0), or the image, mirrored at its edge. Default `zero`. */
  readonly shiftFill?: ShiftFill;
  /** Mirror half of the images horizontally. */
  readonly flip?: boolean;
  /** How to choose that half: at random in each epoch, or each image in every other epoch. Default `random`. */
  readonly flipOrder?: 'random' | 'alternating';
  /** Cut out an area of at least this share, and resize it. 1 is off. */
  readonly crop?: number;
  /** Strength of changes to brightness, contrast and saturation, in [0, 1]. */
  readonly jitter?: number;
  /** Side of the square that is set to the mean colour (cutout), in pixels. */
  readonly cutout?: number;
  /** α of the Beta distribution for mixing pairs of images of a batch (mixup). */
  readonly mixup?: number;
}

/** Seeds a batch's draws: the same three numbers give the same bits in any thread. */
export interface BatchDraw {
  readonly seed: number;
  readonly epoch: number;
  readonly index: number;
}

/** The random streams of one batch. */
export interface BatchDraws {
  /** For all moves, in the order of the images. */
  readonly moves: Random;
  /** For all other draws of the i-th image. */
  ofImage(i: number): Random;
  /** With alternating flips: whether to mirror this image of the split in this epoch. */
  isMirrored(image: number): boolean;
}

export function drawsOf({ seed, epoch, index }: BatchDraw): BatchDraws {
  return {
    moves: random(seed, epoch, index),
    ofImage: (i) => random(seed, epoch, index, i + 1),
    isMirrored: (image) => isMirrored(seed, epoch, image),
  };
}

/** The draws for one image; whatever is absent is off. */
export interface ImageDraw {
  readonly area?: Area;
  readonly move?: Move;
  readonly jitter?: Jitter;
  readonly square?: Square;
}

/**
 * Draws the augmentation of an image. Call it once for each image of a batch, in order.
 *
 * @param i index in the batch
 * @param image index in the split
 */
export function drawImage(
  stored: ImageShape,
  shape: ImageShape,
  augmentation: Augmentation,
  draws: BatchDraws,
  i: number,
  image: number,
): ImageDraw {
  const { shift = 0, flip = false, flipOrder = 'random', crop = 1, jitter = 0, cutout = 0 } = augmentation;
  const own = draws.ofImage(i);
  const drawOneMove = (): Move => {
    if (flipOrder === 'random') return drawMove(draws.moves, shift, flip);
    return { ...drawMove(draws.moves, shift, false), flip: flip && draws.isMirrored(image) };
  };
  const drawCrop = (): Area | undefined => {
    if (crop < 1) return drawArea(own, stored, crop);
    return isLarger(stored, shape) ? drawPosition(own, stored, shape) : undefined;
  };
  return {
    area: drawCrop(),
    move: shift > 0 || flip ? drawOneMove() : undefined,
    jitter: jitter > 0 ? drawJitter(own, jitter) : undefined,
    square: cutout > 0 ? drawSquare(own, shape, cutout) : undefined,
  };
}

/**
 * Returns a function that augments the bytes of one stored image: crop, move, colours. Its result is valid until the
 * next call. It is an internal buffer, or the image itself, changed in place.
 */
export function createAugmenter(stored: ImageShape, shape: ImageShape, shiftFill: ShiftFill = 'zero') {
  const cropped = new Uint8Array(bytesOf(shape));
  const moved = new Uint8Array(bytesOf(shape));
  return (image: Uint8Array, { area, move, jitter }: ImageDraw): Uint8Array => {
    let current = image;
    if (area) {
      cropImage(current, stored, area, cropped, shape);
      current = cropped;
    }
    if (move) {
      moveImage(current, shape, move, moved, shiftFill);
      current = moved;
    }
    if (jitter) jitterColours(current, shape[2], jitter);
    return current;
  };
}

/** Returns a function for evaluation: the central crop of an image, if it is stored larger. */
export function createCentralCrop(stored: ImageShape, shape: ImageShape): (image: Uint8Array) => Uint8Array {
  if (!isLarger(stored, shape)) return (image) => image;
  const cropped = new Uint8Array(bytesOf(shape));
  return (image) => {
    cropImage(image, stored, centralArea(stored, shape), cropped, shape);
    return cropped;
  };
}
