import type { IgnoredFiles } from '../dataset.js';

export type SplitName = 'train' | 'validation' | 'test';

/** Images of a class by split. */
export interface ClassCounts extends Readonly<Record<SplitName, number>> {
  readonly name: string;
}

/** Sizes of image files, in pixels. */
export interface Sizes {
  readonly smallest: readonly [width: number, height: number];
  readonly median: readonly [width: number, height: number];
  readonly largest: readonly [width: number, height: number];
  /** Files whose shorter side is below half the size that a network is given: they are blurred. */
  readonly blurred: number;
}

/** What a data set contains, and what to do about it. */
export interface DataReport {
  readonly dataset: string;
  /** For image folders. */
  readonly folder?: string;
  readonly layout?: string;
  readonly images: Readonly<Record<SplitName, number>>;
  readonly classes: readonly ClassCounts[];
  readonly sizes?: Sizes;
  readonly ignored: readonly IgnoredFiles[];
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
  /** Exact and near-copies. */
  readonly copies: readonly Copies[];
  readonly advice: readonly Advice[];
}

/** An image of a data set. */
export interface ImageFacts {
  readonly split: SplitName;
  readonly label: string;
  /** Path in the folder, or "train 17": the split that the data set has it in, and its index there. */
  readonly name: string;
}

/** Two images with the same content, or that look alike. */
export interface Copies {
  readonly first: ImageFacts;
  readonly second: ImageFacts;
  /** The files have the same bytes, or the data set has the same pixels twice. */
  readonly exact: boolean;
}

/** Something about a data set that hurts a network trained on it, or hides how good it is. */
export interface Advice {
  readonly kind:
    | 'copies between splits'
    | 'copies in two classes'
    | 'copies'
    | 'imbalance'
    | 'tiny class'
    | 'few images'
    | 'similar names'
    | 'small images'
    | 'broken files'
    | 'ignored files'
    | 'weak certificate';
  /** What was found, and what to do. */
  readonly text: string;
}
