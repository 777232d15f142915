import { sum } from '../../base/statistics.js';
import { featuresOf } from '../../network/shapes.js';
import { type ConnectionProfile, transferMs } from '../../plan/connections.js';
import type { Segment } from './segments.js';

/** Time of a segment for one image, in ms, in the browser and on the edge. */
export interface SegmentTimes {
  readonly deviceMs: number;
  readonly edgeMs: number;
}

/** What partitions are priced for. */
export interface PartitionCircumstances {
  readonly network: ConnectionProfile;
  /** Of a request beside layers and bandwidth, in ms. */
  readonly requestMs: number;
  /** Power of the device above its rest while it computes, and while it sends or waits for the edge, in mW. */
  readonly powers: { readonly computeMw: number; readonly radioMw: number };
}

/** A network cut in two before a segment: that many segments run on the side that begins. */
export interface Partition {
  readonly cut: number;
  /** Mean time of an answer, in ms, by layer times and connection; nothing is downloaded. */
  readonly latencyMs: number;
  /** Energy of the device for it, in mJ. */
  readonly energyMj: number;
}

const FLOAT_BYTES = 4;

/** Bytes of what a network is given as it travels: a byte a value of an image. */
const imageBytes = (segments: readonly Segment[]): number => featuresOf(segments[0].input);

/**
 * All partitions whose first part runs on the device and whose rest on the edge (Neurosurgeon, Kang et al. 2017): cut 0
 * is the edge alone, which is sent the image; the last cut is the device alone.
 */
export function deviceFirst(
  segments: readonly Segment[],
  times: readonly SegmentTimes[],
  { network, requestMs, powers }: PartitionCircumstances,
): Partition[] {
  return Array.from({ length: segments.length + 1 }, (_, cut) => {
    const deviceMs = sum(times.slice(0, cut).map((time) => time.deviceMs));
    if (cut === segments.length) return { cut, latencyMs: deviceMs, energyMj: (deviceMs * powers.computeMw) / 1000 };
    const sent = cut === 0 ? imageBytes(segments) : FLOAT_BYTES * featuresOf(segments[cut].input);
    const askedMs =
      network.roundTripMs +
      requestMs +
      transferMs(sent, network.upMbps) +
      sum(times.slice(cut).map((time) => time.edgeMs));
    return {
      cut,
      latencyMs: deviceMs + askedMs,
      energyMj: (deviceMs * powers.computeMw + askedMs * powers.radioMw) / 1000,
    };
  });
}

/**
 * All partitions whose first part runs on the edge, which is sent the image, and whose rest on the device (Edgent, Li et
 * al. 2018): cut 0 is the device alone, which sends nothing; the last cut is the edge alone.
 */
export function edgeFirst(
  segments: readonly Segment[],
  times: readonly SegmentTimes[],
  { network, requestMs, powers }: PartitionCircumstances,
): Partition[] {
  return Array.from({ length: segments.length + 1 }, (_, cut) => {
    const deviceMs = sum(times.slice(cut).map((time) => time.deviceMs));
    if (cut === 0) return { cut, latencyMs: deviceMs, energyMj: (deviceMs * powers.computeMw) / 1000 };
    const received = FLOAT_BYTES * featuresOf(segments[cut - 1].output);
    const askedMs =
      network.roundTripMs +
      requestMs +
      transferMs(imageBytes(segments), network.upMbps) +
      transferMs(received, network.downMbps) +
      sum(times.slice(0, cut).map((time) => time.edgeMs));
    return {
      cut,
      latencyMs: deviceMs + askedMs,
      energyMj: (deviceMs * powers.computeMw + askedMs * powers.radioMw) / 1000,
    };
  });
}

export type PartitionObjective = 'latency' | 'energy';

/** The best partition; of equal ones the one with less on the side that begins. */
export function bestPartition(partitions: readonly Partition[], objective: PartitionObjective): Partition {
  const cost = ({ latencyMs, energyMj }: Partition): number => (objective === 'latency' ? latencyMs : energyMj);
  return partitions.reduce((best, partition) => (cost(partition) < cost(best) ? partition : best));
}
