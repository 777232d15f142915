import { UserError } from '../base/errors.js';

/** One of N parts of a grid, each trained by another job. */
export interface Shard {
  /** From 1 to `of`. */
  readonly index: number;
  readonly of: number;
}

/** @throws UserError unless the text is K/N with 1 <= K <= N */
export function parseShard(text: string): Shard {
  const [, index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index >= 1 && index <= of) return { index, of };
  throw new UserError(`--shard: expected K/N with K from 1 to N, as 2/4, found ${text}`);
}

/** Every N-th item, so that long and short trainings are spread over the jobs. */
export const itemsOf = <Item>(items: readonly Item[], { index, of }: Shard): Item[] =>
  items.filter((_, i) => i % of === index - 1);
