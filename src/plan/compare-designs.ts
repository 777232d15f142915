import {
  attachmentChoices,
  attachmentsOf,
  type BuildNetwork,
  buildDesign,
  type Design,
  type DesignChoice,
  sizeChoices,
} from './designs.js';
import type { ExitShares } from './exit-ratios.js';
import { paretoFront } from './pareto.js';
import { type Circumstances, type PricedDesign, priceDesign } from './price.js';

/** What a design may cost at most, and must reach at least. */
export interface DesignLimits {
  readonly maxBytes?: number;
  readonly maxLatencyMs?: number;
  readonly minAccuracy?: number;
}

export interface PlanRequest {
  /** The design that is asked about. */
  readonly design: Design;
  readonly build: BuildNetwork;
  /** What is known or assumed of how samples leave a design. */
  readonly exitsOf: (design: Design) => ExitShares;
  readonly circumstances: Circumstances;
  /** Most branches at a time. */
  readonly maxExits: number;
}

/** A price with the design it is of. */
export type Priced = PricedDesign & Pick<Design, 'network' | 'cost'>;

export interface DesignComparison {
  readonly design: Priced;
  /** Every number and place of branches that mirror the rest of the network, the soonest first (3.4.1, 3.4.2). */
  readonly places: readonly Priced[];
  /** One branch of every size behind the first place of the design (3.4.3, Fig. 7). */
  readonly sizes: readonly Priced[];
}

export function compareDesigns(question: PlanRequest): DesignComparison {
  const { design, build, maxExits } = question;
  const priced = (choice: DesignChoice): Priced => price(question, buildDesign(build, choice));
  const places = attachmentChoices(attachmentsOf(design.network), maxExits).map(priced);
  const [attach] = design.attach.split(',');
  const one = buildDesign(build, { attach, branch: 'mirror' });
  return {
    design: price(question, design),
    places: places.sort((a, b) => a.expectedMs - b.expectedMs),
    sizes: sizeChoices(one).map(priced),
  };
}

/** Designs to choose from, those that keep the limits, and of them those that no other beats. */
export interface DesignSelection {
  readonly limits: DesignLimits;
  readonly candidates: readonly Priced[];
  readonly within: readonly Priced[];
  readonly front: readonly Priced[];
}

/** Chooses among all places and sizes of one branch, and all places of more; nothing where no limit is given. */
export function selectWithin(
  limits: DesignLimits,
  question: PlanRequest,
  answers: DesignComparison,
): DesignSelection | undefined {
  if (Object.values(limits).every((limit) => limit === undefined)) return undefined;
  const candidates = candidatesOf(question, answers);
  const within = candidates.filter((design) => satisfies(design, limits));
  return { limits, candidates, within, front: frontOf(within) };
}

/** A branch without any binary layer is left out: nothing supports that as many samples would leave there. */
function candidatesOf({ build, ...question }: PlanRequest, { places }: DesignComparison): Priced[] {
  const keyOf = ({ network }: Pick<Design, 'network'>): string => JSON.stringify(network);
  const mirrors = new Set(places.map(keyOf));
  const sized = attachmentsOf(question.design.network).flatMap((attach) =>
    sizeChoices(buildDesign(build, { attach, branch: 'mirror' })).map((choice) => buildDesign(build, choice)),
  );
  const others = sized.filter((design) => design.cost.device.binaryOps > 0 && !mirrors.has(keyOf(design)));
  return [...places, ...others.map((design) => price({ build, ...question }, design))];
}

/** One whose accuracy nobody has measured keeps no limit of accuracy. */
function satisfies({ downloadBytes, expectedMs, exits }: Priced, limits: DesignLimits): boolean {
  const { maxBytes = Infinity, maxLatencyMs = Infinity, minAccuracy } = limits;
  const accurate = minAccuracy === undefined || (exits.accuracy ?? -1) >= minAccuracy;
  return downloadBytes <= maxBytes && expectedMs <= maxLatencyMs && accurate;
}

/** In download, latency and, as far as known, accuracy; by download. */
function frontOf(designs: readonly Priced[]): Priced[] {
  const front = paretoFront(designs, [
    (design) => design.downloadBytes,
    (design) => design.expectedMs,
    (design) => -(design.exits.accuracy ?? 0),
  ]);
  return front.sort((a, b) => a.downloadBytes - b.downloadBytes);
}

const price = ({ exitsOf, circumstances }: PlanRequest, design: Design): Priced => ({
  ...priceDesign(design, exitsOf(design), circumstances),
  network: design.network,
  cost: design.cost,
});
