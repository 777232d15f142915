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
  /** Files whose shorter side is below half the network's input size, so they are blurred when enlarged. */
  readonly blurred: number;
}

/** The contents of a data set, with advice. */
export interface DataReport {
  readonly dataset: string;
  /** Only for image folders. */
  readonly folder?: string;
  readonly layout?: string;
  readonly images: Readonly<Record<SplitName, number>>;
  readonly classes: readonly ClassCounts[];
  readonly sizes?: Sizes;
  readonly ignored: readonly IgnoredFiles[];
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
  /** Images that a table puts into one class, and that are in the folder of another class. */
  readonly contradicted: readonly string[];
  /** Exact and near-copies. */
  readonly copies: readonly Copies[];
  readonly advice: readonly Advice[];
}

/** An image of a data set. */
export interface ImageFacts {
  readonly split: SplitName;
  readonly label: string;
  /** Path in the folder, or "train 17": its original split and its index there. */
  readonly name: string;
}

/** Two images with the same content, or that look alike. */
export interface Copies {
  readonly first: ImageFacts;
  readonly second: ImageFacts;
  /** Whether the files have the same bytes, or the data set has the same pixels twice. */
  readonly exact: boolean;
}

/** A problem of a data set that hurts a network trained on it, or hides how good it is. */
export interface Advice {
  readonly kind:
    | 'folders against table'
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
  /** The problem, and what to do about it. */
  readonly text: string;
}
