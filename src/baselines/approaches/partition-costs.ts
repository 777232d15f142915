import { sum } from '../../base/statistics.js';
import { featuresOf } from '../../network/shapes.js';
import { type ConnectionProfile, transferMs } from '../../plan/connections.js';
import type { Segment } from './segments.js';

/** Time of a segment for one image, in ms, in the browser and on the edge. */
export interface SegmentTimes {
  readonly deviceMs: number;
  readonly edgeMs: number;
}

/** The conditions that partitions are priced for. */
export interface PartitionCircumstances {
  readonly network: ConnectionProfile;
  /** Time that a request takes besides its layers and the transfer, in ms. */
  readonly requestMs: number;
  /** Power of the device above idle, in mW: while it computes, and while it sends to the edge or waits for it. */
  readonly powers: { readonly computeMw: number; readonly radioMw: number };
}

/** A network cut in two: the first `cut` segments run on one side, the rest on the other. */
export interface Partition {
  readonly cut: number;
  /** Mean time of an answer, in ms: layers and transfers. The models are already downloaded. */
  readonly latencyMs: number;
  /** Energy that an answer costs the device, in mJ. */
  readonly energyMj: number;
}

const FLOAT_BYTES = 4;

/** Bytes of the network's input when it is sent: one byte per value of the image. */
const imageBytes = (segments: readonly Segment[]): number => featuresOf(segments[0].input);

/**
 * All partitions whose first part runs on the device and whose second part runs on the edge (Neurosurgeon, Kang et al.
 * 2017). At cut 0 the edge computes everything and receives the image; at the last cut the device computes everything.
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
    const offloadMs =
      network.roundTripMs +
      requestMs +
      transferMs(sent, network.upMbps) +
      sum(times.slice(cut).map((time) => time.edgeMs));
    return {
      cut,
      latencyMs: deviceMs + offloadMs,
      energyMj: (deviceMs * powers.computeMw + offloadMs * powers.radioMw) / 1000,
    };
  });
}

/**
 * All partitions whose first part runs on the edge and whose second part runs on the device (Edgent, Li et al. 2018).
 * At cut 0 the device computes everything and sends nothing; at the last cut the edge computes everything.
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
    const offloadMs =
      network.roundTripMs +
      requestMs +
      transferMs(imageBytes(segments), network.upMbps) +
      transferMs(received, network.downMbps) +
      sum(times.slice(0, cut).map((time) => time.edgeMs));
    return {
      cut,
      latencyMs: deviceMs + offloadMs,
      energyMj: (deviceMs * powers.computeMw + offloadMs * powers.radioMw) / 1000,
    };
  });
}

export type PartitionObjective = 'latency' | 'energy';

/** The best partition. If several are equally good, the one whose first part is smallest. */
export function bestPartition(partitions: readonly Partition[], objective: PartitionObjective): Partition {
  const cost = ({ latencyMs, energyMj }: Partition): number => (objective === 'latency' ? latencyMs : energyMj);
  return partitions.reduce((best, partition) => (cost(partition) < cost(best) ? partition : best));
}
