import type { JointNetwork, Layer } from '../layers.js';

/**
 * The full-precision network of a family as one chain, first layer to logits. Layers in a chain come in the order that
 * lets the shared part end early: batch normalisation and pools before the ReLU (which commutes with a maximum).
 */
export type FloatChain = readonly Layer[];

export interface FamilyOptions {
  readonly input: JointNetwork['input'];
  readonly classes: number;
  /** Factor on every number of filters and hidden units. */
  readonly width: number;
}

export type NetworkFamily = (options: FamilyOptions) => FloatChain;

/** Filters or units at a width, at least one. */
export const scaled = (filters: number, width: number): number => Math.max(1, Math.round(filters * width));

/** Images up to 64 pixels wide take the CIFAR form of a family: less is subsampled in its first layers. */
export const isSmall = ({ input: [height, width] }: FamilyOptions): boolean => Math.max(height, width) <= 64;
