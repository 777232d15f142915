import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import type { Dataset } from './dataset.js';

/** Ranges that networks are trained with before their mean is subtracted. */
export const RANGES = {
  '0..1': { scale: 1, offset: 0 },
  '-1..1': { scale: 2, offset: -1 },
  '0..255': { scale: 255, offset: 0 },
} as const;

export type PixelRange = keyof typeof RANGES;

/** The normalisation that a network was trained with: (pixel brought to `range` - mean) / std, per channel. */
export interface Normalisation {
  readonly range?: PixelRange;
  /** Per channel, or one number for all. 0 if only the range is given. */
  readonly mean?: readonly number[];
  /** Per channel, or one number for all. 1 if only the range is given. */
  readonly std?: readonly number[];
}

/**
 * The data set with this normalisation instead of its own, expressed for pixels from 0 to 1.
 *
 * @throws UserError if mean or std have another number of values than the images have channels, or std isn't positive
 */
export function withNormalisation(dataset: Dataset, given: Normalisation): Dataset {
  const { range, mean, std } = given;
  if (range === undefined && mean === undefined && std === undefined) return dataset;
  const channels = dataset.shape[2];
  const { scale, offset } = RANGES[range ?? '0..1'];
  const perChannel = (name: string, values: readonly number[] | undefined, otherwise: readonly number[]): number[] => {
    const chosen = values ?? (range === undefined ? otherwise : [name === 'std' ? 1 : 0]);
    if (chosen.length !== 1 && chosen.length !== channels) {
      throw new UserError(
        `${name}: expected ${channels === 1 ? '1 number' : `1 or ${channels} numbers`} for images with ${channels} channels, found ${chosen.length}`,
      );
    }
    return Array.from({ length: channels }, (_, i) => chosen[chosen.length === 1 ? 0 : i]);
  };
  const [means, deviations] = [perChannel('mean', mean, dataset.mean), perChannel('std', std, dataset.std)];
  if (deviations.some((value) => !(value > 0))) {
    throw new UserError(`std: expected numbers above 0, found ${deviations.join(', ')}`);
  }
  requireInRange(range ?? '0..1', means, deviations);
  return {
    ...dataset,
    mean: means.map((value) => (value - offset) / scale),
    std: deviations.map((value) => value / scale),
  };
}

/** @throws UserError if mean and std must be meant for another range of pixels, which would spoil every answer */
function requireInRange(range: PixelRange, means: readonly number[], deviations: readonly number[]): void {
  const { scale, offset } = RANGES[range];
  const outside =
    means.find((value) => value < offset || value > offset + scale) ?? deviations.find((value) => value > scale);
  const tiny = range === '0..255' ? deviations.find((value) => value < 1) : undefined;
  const wrong = outside ?? tiny;
  if (wrong === undefined) return;
  throw new UserError(
    `mean and std: expected values for pixels of the range ${range}, found ${wrong}; give the range that they are meant for ` +
      `(--range ${Object.keys(RANGES).join(', ')})`,
  );
}

const numbers = z.array(z.number()).min(1);
/** timm's `config.json`: the values stand in `pretrained_cfg`, in older files at the top. */
const timm = z.looseObject({ mean: numbers, std: numbers });
/** transformers' `preprocessor_config.json`. */
const transformers = z.looseObject({
  image_mean: numbers,
  image_std: numbers,
  do_normalize: z.boolean().default(true),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().default(1 / 255),
  // What we don't do to images: swap red and blue, shift them, or normalise them twice.
  do_flip_channel_order: z.boolean().default(false),
  rescale_offset: z.boolean().default(false),
  include_top: z.boolean().default(false),
});
const UNSUPPORTED = ['do_flip_channel_order', 'rescale_offset', 'include_top'] as const;
const preprocessing = z.union([z.looseObject({ pretrained_cfg: timm }), timm, transformers]);

/**
 * The normalisation in timm's `config.json` or transformers' `preprocessor_config.json`.
 *
 * @throws UserError if the file is neither, or scales pixels in another way
 */
export function readPreprocessing(path: string): Normalisation {
  const found = readJson(path, preprocessing, "timm's config.json or transformers' preprocessor_config.json");
  if ('pretrained_cfg' in found) return withImageValues(found.pretrained_cfg as z.infer<typeof timm>);
  if ('mean' in found) return withImageValues(found as z.infer<typeof timm>);
  const given = found as z.infer<typeof transformers>;
  const { image_mean, image_std, do_normalize, do_rescale, rescale_factor } = given;
  const other = UNSUPPORTED.find((name) => given[name]);
  if (other !== undefined) {
    throw new UserError(
      `${path}: expected images in RGB, scaled and normalised once, found ${other}: true; it isn't supported`,
    );
  }
  const range = rangeOfFactor(path, do_rescale ? rescale_factor : 1);
  return do_normalize ? { range, mean: image_mean, std: image_std } : { range };
}

const withImageValues = ({ mean, std }: z.infer<typeof timm>): Normalisation => ({ range: '0..1', mean, std });

function rangeOfFactor(path: string, factor: number): PixelRange {
  if (Math.abs(factor * 255 - 1) < 1e-3) return '0..1';
  if (factor === 1) return '0..255';
  throw new UserError(
    `${path}: expected a rescale_factor of 1/255 or none, found ${factor}; give --range, --mean and --std instead`,
  );
}
