import { exitsOf } from '../base/exits.js';
import type { LayerCost } from '../network/cost.js';
import type { Exit } from '../network/layers.js';
import { featuresOf, sharedShape } from '../network/shapes.js';
import { type ConnectionProfile, transferMs } from './connections.js';
import type { Design, DesignChoice } from './designs.js';
import { type ExitShares, impliedAccuracies } from './exit-ratios.js';
import {
  type DesignTimes,
  expectedLatency,
  neededExitRatio,
  type PaperExpectation,
  paperExpectation,
} from './latency.js';
import { layersMs, type Rates } from './layer-times.js';

/** What designs are priced for. */
export interface Circumstances {
  readonly network: ConnectionProfile;
  /** Images that a page classifies after loading once: each bears its part of that. */
  readonly images: number;
  /** Bits of a value on its way to the edge. */
  readonly uplinkBits: number;
  readonly device: {
    readonly rates: Rates;
    readonly loadMs: number;
    readonly callMs: number;
    readonly fixedBytes: number;
  };
  readonly edge: { readonly rates: Rates; readonly requestMs: number; readonly tails?: ReadonlyMap<string, number> };
}

/** A design and what it costs; times in ms. */
export interface PricedDesign extends DesignChoice {
  /** What a page downloads. */
  readonly downloadBytes: number;
  /** What an image that no exit is sure of costs the device. */
  readonly macs: number;
  readonly binaryOps: number;
  /** What such an image sends. */
  readonly uplinkBytes: number;
  readonly exits: ExitShares;
  /** Of a page that classifies one image, and that bears all of the loading. */
  readonly times: DesignTimes;
  /** Mean over the images of a page, by the law of total expectation. */
  readonly expectedMs: number;
  /** Of an image after the first, which loads nothing. */
  readonly furtherMs: number;
  /** `expectedMs` by Eq. 11-16. */
  readonly paper: PaperExpectation;
}

/** The head of a request: JSON that names the tensors. */
export const REQUEST_BYTES = 250;
/** The loader, and then everything that it fetches, side by side. */
const LOADING_ROUND_TRIPS = 2;

export function priceDesign(design: Design, exits: ExitShares, circumstances: Circumstances): PricedDesign {
  const { attach, branch, network, cost } = design;
  const { device, images, uplinkBits } = circumstances;
  const uplinkBytes = REQUEST_BYTES + Math.ceil((uplinkBits * featuresOf(sharedShape(network))) / 8);
  const times = timesOf(design, uplinkBytes, circumstances);
  const shared = withDownloads(times, 1 / images);
  return {
    attach,
    branch,
    downloadBytes: device.fixedBytes + cost.device.bytes,
    macs: cost.device.macs,
    binaryOps: cost.device.binaryOps,
    uplinkBytes,
    exits,
    times,
    expectedMs: expectedLatency(shared, exits.ratios),
    furtherMs: expectedLatency(withDownloads(times, 0), exits.ratios),
    paper: paperExpectation(shared, exits.accuracies ?? impliedAccuracies(exits.ratios)),
  };
}

/** The exit ratio that a design with one exit needs to be as fast as another. */
export function ratioToMatch({ times }: PricedDesign, other: PricedDesign, images: number): number {
  return neededExitRatio(withDownloads(times, 1 / images), other.expectedMs);
}

function timesOf(design: Design, uplinkBytes: number, circumstances: Circumstances): DesignTimes {
  const { network, cost } = design;
  const { network: connection, device, edge } = circumstances;
  const layersOf = (part: string): LayerCost[] => cost.layers.filter((layer) => layer.part === part);
  const exits = exitsOf<Exit>(network).map((_, exit) => {
    const [trunk, branch] = ['shared', 'branch'].map((part) => layersOf(exit === 0 ? part : `${part}${exit + 1}`));
    const first = exit === 0;
    const bytes = [...trunk, ...branch].reduce((all, layer) => all + layer.bytes, first ? device.fixedBytes : 0);
    const loading = first ? device.loadMs + LOADING_ROUND_TRIPS * connection.roundTripMs : 0;
    return {
      downloadMs: loading + transferMs(bytes, connection.downMbps),
      trunkMs: layersMs(trunk, device.rates) + (first ? device.callMs : 0),
      branchMs: layersMs(branch, device.rates),
    };
  });
  return {
    exits,
    uplinkMs: connection.roundTripMs + transferMs(uplinkBytes, connection.upMbps),
    edgeMs: edge.requestMs + tailMs(design, edge),
  };
}

/** Time of what is left of the full network behind the last exit, on the edge: measured, else by rates. */
export function tailMs(
  { attach, cost }: Pick<Design, 'attach' | 'cost'>,
  { rates, tails }: Pick<Circumstances['edge'], 'rates' | 'tails'>,
): number {
  const last = attach.split(',').at(-1)!.trim();
  return (
    tails?.get(last) ??
    layersMs(
      cost.layers.filter(({ part }) => part === 'full'),
      rates,
    )
  );
}

/** The times of an image that bears this share of the downloads. */
const withDownloads = (times: DesignTimes, share: number): DesignTimes => ({
  ...times,
  exits: times.exits.map((exit) => ({ ...exit, downloadMs: share * exit.downloadMs })),
});
