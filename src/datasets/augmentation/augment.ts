import { type Random, random } from '../../base/random.js';
import { bytesOf, type ImageShape } from '../pixels.js';
import { type Area, centralArea, cropImage, drawArea, drawPosition, isLarger } from './crop.js';
import { drawSquare, type Square } from './cutout.js';
import { drawJitter, type Jitter, jitterColours } from './jitter.js';
import { drawMove, isMirrored, type Move, moveImage, type ShiftFill } from './move.js';

/** How training images are varied. What is absent is off. */
export interface Augmentation {
  /** Move by up to this many pixels, whole ones, in each direction. */
  readonly shift?: number;
  /** What fills the border of a moved image: the background (0), or the image, mirrored at its edge. Default `zero`. */
  readonly shiftFill?: ShiftFill;
  /** Mirror half of the images left to right. */
  readonly flip?: boolean;
  /** Which half: drawn anew in each epoch, or each image in every other epoch. Default `random`. */
  readonly flipOrder?: 'random' | 'alternating';
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

/** The random streams of one batch. */
export interface BatchDraws {
  /** Of all moves, in the order of the images. */
  readonly moves: Random;
  /** Of everything else that is drawn for the i-th image. */
  ofImage(i: number): Random;
  /** With alternating flips: whether this image of the split is mirrored in this epoch. */
  isMirrored(image: number): boolean;
}

export function drawsOf({ seed, epoch, index }: BatchDraw): BatchDraws {
  return {
    moves: random(seed, epoch, index),
    ofImage: (i) => random(seed, epoch, index, i + 1),
    isMirrored: (image) => isMirrored(seed, epoch, image),
  };
}

/** What was drawn for one image; what is absent is off. */
export interface ImageDraw {
  readonly area?: Area;
  readonly move?: Move;
  readonly jitter?: Jitter;
  readonly square?: Square;
}

/**
 * Draws how an image is varied. Call it once for each image of a batch, in order.
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
 * A function that varies the bytes of one image as it is stored: crop, move, colours. The bytes that it gives are its
 * own, or the image changed in place, until the next call.
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

/** A function that gives an image as it is evaluated: its middle where it is stored larger. */
export function createCentralCrop(stored: ImageShape, shape: ImageShape): (image: Uint8Array) => Uint8Array {
  if (!isLarger(stored, shape)) return (image) => image;
  const cropped = new Uint8Array(bytesOf(shape));
  return (image) => {
    cropImage(image, stored, centralArea(stored, shape), cropped, shape);
    return cropped;
  };
}
