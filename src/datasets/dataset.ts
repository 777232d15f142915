import type { ImageShape, Pixels } from './pixels.js';

/** Images with their labels. */
export interface Split {
  readonly count: number;
  readonly pixels: Pixels;
  /** A class number per image. */
  readonly labels: Uint16Array;
}

/** A data set. A pixel is normalised as (pixel / 255 - mean[channel]) / std[channel]. */
export interface Dataset {
  readonly name: string;
  /** What a network is given. */
  readonly shape: ImageShape;
  /** What `pixels` holds: as `shape`, or larger where a crop is taken. */
  readonly stored: ImageShape;
  /** Where images come in any size: what their shorter side was resized to, for `stored` to be cut out of the middle. */
  readonly resize?: number;
  /** What the classes are called, by class number. */
  readonly labels: readonly string[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: Split;
  readonly test: Split;
}
