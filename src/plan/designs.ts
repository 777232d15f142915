import { deviceAttachments, possibleConvolutions, trunkOf } from '../network/branch.js';
import { type NetworkCost, networkCost } from '../network/cost.js';
import type { JointNetwork } from '../network/layers.js';

/** Attachments and size of the branches, in the form of `--attach` and `--branch`. */
export interface DesignChoice {
  /** One layer, or several separated by commas. */
  readonly attach: string;
  /** `mirror`, or `conv=N,fc=M`. */
  readonly branch: string;
}

export interface Design extends DesignChoice {
  readonly network: JointNetwork;
  readonly cost: NetworkCost;
}

/** Builds the network of a choice. */
export type BuildNetwork = (choice: DesignChoice) => JointNetwork;

export function buildDesign(build: BuildNetwork, { attach, branch }: DesignChoice): Design {
  const network = build({ attach, branch });
  return { attach, branch, network, cost: networkCost(network) };
}

/** The possible attachments of this network, in order. */
export const attachmentsOf = (network: JointNetwork): string[] => deviceAttachments(trunkOf(network));

/** Every choice of 1 to `maxExits` attachments, with one branch size. */
export function attachmentChoices(places: readonly string[], maxExits: number, branch = 'mirror'): DesignChoice[] {
  return Array.from({ length: Math.min(maxExits, places.length) }, (_, i) => combinations(places, i + 1)).flatMap(
    (chosen) => chosen.map((names) => ({ attach: names.join(','), branch })),
  );
}

/**
 * The grid of Fig. 7 for one branch behind the last shared layer of this network: n binary convolutions and m binary
 * fully-connected layers. m goes up to one more than in the full network, but at least to two.
 */
export function sizeChoices({ network, attach }: Pick<Design, 'network' | 'attach'>): DesignChoice[] {
  const hidden = network.full.slice(0, -1).filter(({ type }) => type === 'dense').length;
  const layers = Array.from({ length: Math.max(2, hidden + 1) + 1 }, (_, fc) => fc);
  return possibleConvolutions(network.full).flatMap((conv) =>
    layers.map((fc) => ({ attach, branch: `conv=${conv},fc=${fc}` })),
  );
}

/** All combinations of `count` items, in the order of the list. */
function combinations<Item>(items: readonly Item[], count: number): Item[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, i) => combinations(items.slice(i + 1), count - 1).map((rest) => [item, ...rest]));
}
