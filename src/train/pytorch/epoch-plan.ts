import { permutation, random } from '../../base/random.js';
import { floatTensor, type StoredTensor } from '../../base/safetensors.js';
import { drawImage, drawsOf, type ImageDraw } from '../../datasets/augmentation/augment.js';
import { drawMixup } from '../../datasets/augmentation/mixup.js';
import type { Dataset } from '../../datasets/dataset.js';
import type { Config } from '../../run/config.js';
import { augmentationOf } from '../reports.js';
import { rateFactor } from '../schedules.js';

/**
 * Everything that is drawn or scheduled for an epoch. It uses the same random generator as the batches of the other
 * engines, so images, their augmentation and learning rates are the same.
 *
 * `order` [images] holds indices in the split. If they are enabled, each image has `areas` (top, left, height, width),
 * `moves` (down, right, mirrored), `jitter` (brightness, contrast, saturation) and `squares` (top, left, side). Each
 * step has its `factors` of the learning rate and, with mixup, the `shares` of the images themselves.
 *
 * @param places indices of the training images
 * @param epoch of the stage, from 0
 * @param epochsBefore of earlier stages: each epoch of a run has its own draws
 */
export function epochPlan(
  config: Config,
  { shape, stored }: Pick<Dataset, 'shape' | 'stored'>,
  places: Int32Array,
  epoch: number,
  epochsBefore = 0,
): Record<string, StoredTensor> {
  const { batchSize, seed } = config;
  const augmentation = augmentationOf(config);
  const steps = Math.floor(places.length / batchSize);
  const images = steps * batchSize;
  const drawn = epochsBefore + epoch;
  const order = permutation(random(seed, drawn), places.length)
    .subarray(0, images)
    .map((i) => places[i]);
  const draws: ImageDraw[] = [];
  for (let index = 0; index < steps; index++) {
    const batch = drawsOf({ seed, epoch: drawn, index });
    for (let i = 0; i < batchSize; i++) {
      draws.push(drawImage(stored, shape, augmentation, batch, i, order[index * batchSize + i]));
    }
  }
  const factor = (_: unknown, index: number): number =>
    rateFactor(config.schedule, epoch * steps + index, config.epochs * steps, config.warmup);
  const share = (_: unknown, index: number): number => drawMixup({ seed, epoch: drawn, index }, config.mixup);
  const perStep = (of: (_: unknown, index: number) => number): StoredTensor =>
    floatTensor([steps], Float32Array.from({ length: steps }, of));
  return {
    order: integers([images], order),
    factors: perStep(factor),
    ...(config.mixup > 0 ? { shares: perStep(share) } : {}),
    ...table('areas', draws, ({ area }) => area && [area.top, area.left, area.height, area.width]),
    ...table('moves', draws, ({ move }) => move && [move.down, move.right, Number(move.flip)]),
    ...table('squares', draws, ({ square }) => square && [square.top, square.left, square.side]),
    ...jitterTable(draws),
  };
}

/** A row of integers per image; empty if this augmentation is off. */
function table(
  name: string,
  draws: readonly ImageDraw[],
  row: (draw: ImageDraw) => readonly number[] | undefined,
): Record<string, StoredTensor> {
  const first = draws.length > 0 ? row(draws[0]) : undefined;
  if (!first) return {};
  return { [name]: integers([draws.length, first.length], Int32Array.from(draws.flatMap((draw) => row(draw)!))) };
}

/** Double precision, because a factor of 1 + 1e-8 can change how a pixel is rounded. */
function jitterTable(draws: readonly ImageDraw[]): Record<string, StoredTensor> {
  if (!draws[0]?.jitter) return {};
  const rows = draws.flatMap(({ jitter }) => [jitter!.brightness, jitter!.contrast, jitter!.saturation]);
  return { jitter: { dtype: 'F64', shape: [draws.length, 3], bytes: bytesOf(Float64Array.from(rows)) } };
}

export function integers(shape: readonly number[], values: Int32Array): StoredTensor {
  return { dtype: 'I32', shape, bytes: bytesOf(values) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
