import type { JointNetwork, Layer } from '../layers.js';

/**
 * A full-precision network as one chain from the first layer to the logits. Batch normalisation and pools come before
 * the ReLU (which commutes with a maximum), so that the shared part can end early.
 */
export type FloatChain = readonly Layer[];

export interface FamilyOptions {
  readonly input: JointNetwork['input'];
  readonly classes: number;
  /** Factor on every number of filters and hidden units. */
  readonly width: number;
  /** Form of the first layers; by the size of the images if not given. */
  readonly form?: 'small' | 'large';
}

export type NetworkFamily = (options: FamilyOptions) => FloatChain;

/** Number of filters or units at a width, at least one. */
export const scaled = (filters: number, width: number): number => Math.max(1, Math.round(filters * width));

/** The small (CIFAR) form of a family subsamples less in its first layers. It is the default for images up to 64 pixels. */
export const isSmall = ({ form, input }: Pick<FamilyOptions, 'form' | 'input'>): boolean =>
  form === undefined ? Math.max(input[0], input[1]) <= 64 : form === 'small';
