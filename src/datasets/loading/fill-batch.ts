import {
  type Augmentation,
  type BatchDraw,
  createAugmenter,
  createCentralCrop,
  drawImage,
  drawsOf,
} from '../augmentation/augment.js';
import { cutOut } from '../augmentation/cutout.js';
import { drawMixup, mixImages } from '../augmentation/mixup.js';
import { bytesOf, type ImageShape, type PixelReader } from '../pixels.js';

/** How stored images are prepared. Plain data, so that it can be passed to a loading thread. */
export interface Preparation {
  readonly shape: ImageShape;
  readonly stored: ImageShape;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly augmentation?: Augmentation;
}

/** A request to fill one batch. */
export interface BatchRequest {
  /** The batch's images, as indices in the split. */
  readonly indices: Int32Array;
  /** Seeds of the augmentation. If absent, images are prepared for evaluation. */
  readonly draw?: BatchDraw;
}

/** Reads, augments and normalises the images of a request into `images`, [indices, height, width, channels]. */
export async function fillBatch(
  reader: PixelReader,
  preparation: Preparation,
  { indices, draw }: BatchRequest,
  images: Float32Array,
): Promise<void> {
  const { shape, stored, augmentation = {} } = preparation;
  const { mixup = 0, shiftFill } = augmentation;
  const size = bytesOf(shape);
  const raw = new Uint8Array(bytesOf(stored));
  const normalised = normalisationTable(preparation);
  const augment = createAugmenter(stored, shape, shiftFill);
  const crop = createCentralCrop(stored, shape);
  const draws = draw && drawsOf(draw);
  for (let i = 0; i < indices.length; i++) {
    await reader.read(indices[i], raw);
    const drawn = draws && drawImage(stored, shape, augmentation, draws, i, indices[i]);
    const target = images.subarray(i * size, (i + 1) * size);
    normalise(drawn ? augment(raw, drawn) : crop(raw), shape[2], normalised, target);
    if (drawn?.square) cutOut(target, shape, drawn.square);
  }
  if (draw && mixup > 0) mixImages(images.subarray(0, indices.length * size), indices.length, drawMixup(draw, mixup));
}

function normalise(image: Uint8Array, channels: number, table: Float32Array, target: Float32Array): void {
  for (let p = 0; p < target.length; p++) target[p] = table[image[p] * channels + (p % channels)];
}

/** Normalised value of each of the 256 pixel values, per channel: [256, channels]. */
function normalisationTable({ shape, mean, std }: Preparation): Float32Array {
  const channels = shape[2];
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i % channels;
    return (Math.floor(i / channels) / 255 - mean[channel]) / std[channel];
  });
}
