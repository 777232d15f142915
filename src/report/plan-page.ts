import { sum } from '../base/statistics.js';
import type { JointNetwork } from '../network/layers.js';
import type { DesignComparison, DesignSelection, Priced } from '../plan/compare-designs.js';
import type { ConnectionProfile } from '../plan/connections.js';
import type { DesignChoice } from '../plan/designs.js';
import { MEASURED_RATES } from '../plan/measured-rates.js';
import { flagsFor, shellQuoted } from '../run/command-line.js';
import type { Config } from '../run/config.js';
import { type Cells, designCells, sizeCells, wayCells } from './plan-tables.js';
import { milliseconds } from './quantities.js';

/** Maximum number of designs in a table. */
const MOST_ROWS = 12;

/** The network of a plan, and the options and recipe to train a run of it. */
export interface PlannedNetwork {
  readonly network: JointNetwork;
  readonly given: Partial<Config>;
  readonly recipe?: string;
}

/** The contents of a plan, for the terminal, JSON and the page. */
export interface PlanPage {
  readonly described: PlannedNetwork;
  readonly images: number;
  readonly connection: ConnectionProfile;
  /** Lines about where the numbers come from. */
  readonly notes: readonly string[];
  readonly answers: DesignComparison;
  /** Present if limits were given. */
  readonly choice?: DesignSelection;
}

export interface Section {
  readonly title: string;
  readonly cells: Cells;
  readonly after: string;
}

export function planNotes(
  { device, edge, images }: { readonly device?: string; readonly edge?: string; readonly images: number },
  { name, upMbps, downMbps, roundTripMs, source }: ConnectionProfile,
  exits: string,
): string[] {
  const estimate = `estimated from a table measured on ${MEASURED_RATES.cpu}`;
  const visit =
    images === 1
      ? 'its only image, which waits for all of the loading'
      : `one of ${images} images, which share the loading`;
  return [
    `connection ${name}: ${upMbps} Mbit/s up, ${downMbps} down, round trip ${roundTripMs} ms (${source})`,
    `branch: ${device === undefined ? `${estimate} ("lcdnn bench device" measures)` : `measured, ${device}`}`,
    `edge: ${edge === undefined ? `${estimate} ("lcdnn bench edge" measures)` : `measured, ${edge}`}`,
    exits,
    `expected: latency of ${visit}; further: of one after that`,
  ];
}

export function planText({ described, images, answers, choice }: PlanPage): { title: string; sections: Section[] } {
  const { name, input, classes } = described.network;
  const { design, places, sizes } = answers;
  const sections: Section[] = [
    {
      title: `What an image costs: branch behind ${design.attach}`,
      cells: wayCells(design),
      after: expectation(design),
    },
    {
      title: 'Number and position of branches, fastest first',
      cells: designCells(soonest(places), design, images),
      after: `"must exit early": the share that must exit early there to be as fast as behind ${design.attach}`,
    },
    { title: `Size of the branch behind ${sizes[0].attach} (Fig. 7)`, cells: sizeCells(sizes), after: '' },
  ];
  if (choice) {
    const { candidates, within, front } = choice;
    const others = within.filter((one) => !front.includes(one)).sort((a, b) => a.expectedMs - b.expectedMs);
    const shown = [...front, ...others].slice(0, MOST_ROWS);
    const commands = shown.map((one) => designCommand(described, one)).join('\n');
    sections.push({
      title: `Designs within the limits: ${within.length} of ${candidates.length}; no other beats those with *`,
      cells: designCells(shown, design, images, front),
      after: shown.length > 0 ? commands : 'No design keeps the limits.',
    });
  }
  return { title: `Plan: ${name}, input ${input.join('x')}, ${classes} classes`, sections };
}

/** The `lcdnn train` command of a design. */
export function designCommand(
  { given, recipe }: Pick<PlannedNetwork, 'given' | 'recipe'>,
  { attach, branch }: DesignChoice,
): string {
  const recipeFlags = recipe === undefined ? [] : [`--recipe ${shellQuoted(recipe)}`];
  return ['lcdnn train', ...recipeFlags, flagsFor({ ...given, attach, branch })].join(' ');
}

export function planJson({ described, images, connection, notes, answers, choice }: PlanPage): object {
  const { name, input, classes } = described.network;
  const plain = ({ network: _, cost, ...priced }: Priced) => ({
    ...priced,
    deviceBytes: cost.device.bytes,
    command: designCommand(described, priced),
  });
  const { design, places, sizes } = answers;
  return {
    network: { name, input, classes },
    connection,
    images,
    notes,
    design: plain(design),
    places: places.map(plain),
    sizes: sizes.map(plain),
    ...(choice && { limits: choice.limits, within: choice.within.map(plain), front: choice.front.map(plain) }),
  };
}

/** The fastest designs with one branch, and the three fastest for each larger number of branches. */
export function soonest(places: readonly Priced[]): Priced[] {
  const shown = new Map<number, number>();
  return places.filter(({ times }) => {
    const exits = times.exits.length;
    const before = shown.get(exits) ?? 0;
    shown.set(exits, before + 1);
    return exits === 1 ? before < MOST_ROWS : before < 3;
  });
}

/** Default timeout of the loader for the edge (`timeoutMs`), in ms. */
const LOADER_TIMEOUT = 3000;

function expectation({ expectedMs, furtherMs, paper, exits, times }: Priced): string {
  const weights = paper.weights.map((weight) => weight.toPrecision(3)).join(', ');
  const shares = [...exits.ratios, 1 - sum(exits.ratios)].map((share) => share.toPrecision(3)).join(', ');
  return [
    `expected ${milliseconds(expectedMs)} ms by the law of total expectation (shares ${shares}; ${exits.from}), further ${milliseconds(furtherMs)} ms`,
    `expected ${milliseconds(paper.milliseconds)} ms by Eq. 11-16 of the paper (weights ${weights})`,
    ...(times.uplinkMs + times.edgeMs > LOADER_TIMEOUT
      ? [`the edge takes longer than the loader waits for it (${LOADER_TIMEOUT} ms): give load() another timeoutMs`]
      : []),
  ].join('\n');
}
