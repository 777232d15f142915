import type { Estimate } from '../../scheduling/statistics.js';

/** A figure as data: lines of means over seeds, each with the half width of its 95 % interval. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly log?: boolean;
  readonly series: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

export interface Point {
  readonly x: number;
  readonly mean: number;
  readonly half: number;
}

export const point = (x: number, { mean, half }: Estimate): Point => ({ x, mean, half });
