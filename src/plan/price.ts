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

/** Conditions for pricing designs. */
export interface Circumstances {
  readonly network: ConnectionProfile;
  /** Number of images that a page classifies after loading once. They share the loading time equally. */
  readonly images: number;
  /** Bits per value sent to the edge. */
  readonly uplinkBits: number;
  readonly device: {
    readonly rates: Rates;
    readonly loadMs: number;
    readonly callMs: number;
    readonly fixedBytes: number;
  };
  readonly edge: { readonly rates: Rates; readonly requestMs: number; readonly tails?: ReadonlyMap<string, number> };
}

/** A design and its costs; times in ms. */
export interface PricedDesign extends DesignChoice {
  /** Bytes that a page downloads. */
  readonly downloadBytes: number;
  /** Operations on the device for an image that doesn't exit early. */
  readonly macs: number;
  readonly binaryOps: number;
  /** Bytes that such an image sends. */
  readonly uplinkBytes: number;
  readonly exits: ExitShares;
  /** Times of a page that classifies one image, including all of the loading. */
  readonly times: DesignTimes;
  /** Mean over the images of a page, by the law of total expectation. */
  readonly expectedMs: number;
  /** Mean latency of an image after loading. */
  readonly furtherMs: number;
  /** `expectedMs` by Eq. 11-16. */
  readonly paper: PaperExpectation;
}

/** Size of a request's head: JSON that describes the tensors. */
export const REQUEST_BYTES = 250;
/** One round trip for the loader, and one for everything that it fetches in parallel. */
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

/** The exit ratio at which a design with one exit is as fast as another design. */
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

/** Time of the tail on the edge: measured, or else estimated from rates. */
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

/** The times of an image to which this share of the downloads is attributed. */
const withDownloads = (times: DesignTimes, share: number): DesignTimes => ({
  ...times,
  exits: times.exits.map((exit) => ({ ...exit, downloadMs: share * exit.downloadMs })),
});
