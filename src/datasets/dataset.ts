import type { ImageShape, Pixels } from './pixels.js';

/** Images with their labels. */
export interface Split {
  readonly count: number;
  readonly pixels: Pixels;
  /** A class number per image. */
  readonly labels: Uint16Array;
  /** Of image files: a hash of each file's content. Splits then follow from content, not from position. */
  readonly hashes?: readonly string[];
  /** What each training image was used for in the run that the data set is opened for; absent for new images. */
  readonly recorded?: readonly ('train' | 'validation' | undefined)[];
}

/** Files of a folder that aren't used, for one reason. */
export interface IgnoredFiles {
  readonly reason: string;
  readonly count: number;
  /** The first few. */
  readonly examples: readonly string[];
}

/** Results of reading an image folder. */
export interface FolderReport {
  readonly path: string;
  /** For example "train/CLASS and val/CLASS". */
  readonly layout: string;
  readonly ignored: readonly IgnoredFiles[];
  /** Images that a table puts into one class, and that are in the folder of another class. */
  readonly contradicted: readonly string[];
  /** Images that can't be decoded or read, and why. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
  /** The images in use, in the order of the splits. */
  readonly train: readonly FolderImage[];
  readonly test: readonly FolderImage[];
}

/** An image file in use. */
export interface FolderImage {
  readonly file: string;
  /** Width and height after the EXIF orientation is applied. */
  readonly width: number;
  readonly height: number;
  /** `perceptualHash` of its central square. */
  readonly fingerprint: string;
}

/** A data set. A pixel is normalised as (pixel / 255 - mean[channel]) / std[channel]. */
export interface Dataset {
  readonly name: string;
  /** Shape of a network's input. */
  readonly shape: ImageShape;
  /** Shape of the images in `pixels`: `shape`, or larger if a crop is taken. */
  readonly stored: ImageShape;
  /** For images of any size: the shorter side is resized to this length, then the centre is cut out as `stored`. */
  readonly resize?: number;
  /** Class names by class number. */
  readonly labels: readonly string[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: Split;
  readonly test: Split;
  /** For image folders: images and files that aren't used. */
  readonly folder?: FolderReport;
}
