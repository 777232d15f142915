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

/** Maximum costs of a design, and its minimum accuracy. */
export interface DesignLimits {
  readonly maxBytes?: number;
  readonly maxLatencyMs?: number;
  readonly minAccuracy?: number;
}

export interface PlanRequest {
  /** The design to compare the others with. */
  readonly design: Design;
  readonly build: BuildNetwork;
  /** Measured or assumed exit ratios of a design. */
  readonly exitsOf: (design: Design) => ExitShares;
  readonly circumstances: Circumstances;
  /** Maximum number of branches in a design. */
  readonly maxExits: number;
}

/** A price together with its design. */
export type Priced = PricedDesign & Pick<Design, 'network' | 'cost'>;

export interface DesignComparison {
  readonly design: Priced;
  /** Designs with every number and position of mirrored branches, lowest latency first (3.4.1, 3.4.2). */
  readonly places: readonly Priced[];
  /** Designs with one branch of every size behind the design's first attachment (3.4.3, Fig. 7). */
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

/** All candidate designs, those within the limits, and the Pareto-optimal ones among these. */
export interface DesignSelection {
  readonly limits: DesignLimits;
  readonly candidates: readonly Priced[];
  readonly within: readonly Priced[];
  readonly front: readonly Priced[];
}

/** Selects among all positions and sizes of one branch and all positions of several; undefined without any limit. */
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

/** Leaves out branches without any binary layer, because the assumed exit ratios don't apply to them. */
function candidatesOf({ build, ...question }: PlanRequest, { places }: DesignComparison): Priced[] {
  const keyOf = ({ network }: Pick<Design, 'network'>): string => JSON.stringify(network);
  const mirrors = new Set(places.map(keyOf));
  const sized = attachmentsOf(question.design.network).flatMap((attach) =>
    sizeChoices(buildDesign(build, { attach, branch: 'mirror' })).map((choice) => buildDesign(build, choice)),
  );
  const others = sized.filter((design) => design.cost.device.binaryOps > 0 && !mirrors.has(keyOf(design)));
  return [...places, ...others.map((design) => price({ build, ...question }, design))];
}

/** Whether a design is within the limits. A design without a measured accuracy fails an accuracy limit. */
function satisfies({ downloadBytes, expectedMs, exits }: Priced, limits: DesignLimits): boolean {
  const { maxBytes = Infinity, maxLatencyMs = Infinity, minAccuracy } = limits;
  const accurate = minAccuracy === undefined || (exits.accuracy ?? -1) >= minAccuracy;
  return downloadBytes <= maxBytes && expectedMs <= maxLatencyMs && accurate;
}

/** The Pareto front in download, latency and accuracy (if measured), sorted by download. */
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
