import type { BrowserContext } from 'playwright-core';
import { exitsOf } from '../../base/exits.js';
import { median, sum } from '../../base/statistics.js';
import { chainModel } from '../../export/float-model.js';
import type { ConnectionProfile } from '../../plan/connections.js';
import type { Baseline } from '../approaches/baseline.js';
import { type ExitChoice, type ExitPlan, exitPlans, planEdgent } from '../approaches/edgent.js';
import { type Cut, describePartition, partitioned, type TrainedNetwork } from '../approaches/partition.js';
import {
  bestPartition,
  deviceFirst,
  type Partition,
  type PartitionCircumstances,
  type PartitionObjective,
  type SegmentTimes,
} from '../approaches/partition-costs.js';
import { chainOf, type Segment, segmentsOf } from '../approaches/segments.js';
import { baselineContender, type Contender } from './contender.js';
import { type Host, startHost } from './host.js';
import { FILES_PATH } from './host-messages.js';
import { RUNTIME_PATH, runtimeFiles } from './runtime.js';
import { predictedMs, type TimedSegment, timeOnDevice, timeOnEdge } from './time-segments.js';
import { type Conditions, visit } from './visit.js';

/** A network with float exits, and the accuracy of each exit. */
export interface ExitNetwork extends TrainedNetwork {
  /** Accuracies in [0, 1]: of each exit, then of the full network. */
  readonly accuracies: readonly number[];
}

/** What partitions are planned for. */
export interface PartitionSettings {
  readonly conditions: readonly Conditions[];
  readonly powers: (connection: string) => PartitionCircumstances['powers'];
  /** What Neurosurgeon minimises. Default `latency`. */
  readonly objective?: PartitionObjective;
  /** Edgent's latency limit. */
  readonly limitMs: number;
  /** Number of threads of the edge for one batch. */
  readonly threads: number;
}

/** A chosen partition, with its models. */
export interface PlannedPartition {
  /** Equal partitions have equal ids. If the whole network runs on one side, this is the id of that approach. */
  readonly id: string;
  readonly baseline: Baseline;
  /** Values predicted by the regressions. */
  readonly expected: ExpectedPartition;
  /** The alternatives: every partition, or the fastest one of each exit. */
  readonly considered: readonly ExpectedPartition[];
}

/** A partition and its predicted cost. */
export interface ExpectedPartition extends Pick<Partition, 'latencyMs' | 'energyMj'> {
  readonly plan: string;
  /** Accuracy on validation images; only for exits that were trained. */
  readonly accuracy?: number;
}

/** Partitions for one connection and processor. */
export interface PlannedPartitions {
  readonly neurosurgeon: PlannedPartition;
  readonly edgent: PlannedPartition;
}

/** A connection without delay. */
const LOOPBACK: ConnectionProfile = { name: 'loopback', upMbps: 1000, downMbps: 1000, roundTripMs: 0, source: '' };
const REQUESTS = 20;

/**
 * Neurosurgeon's and Edgent's partitions for each of the conditions, in their order. Costs come from regressions that
 * are fitted to the measured time of every segment on this machine, in the browser and on the edge.
 *
 * @param exits if absent, Edgent has only the full network
 */
export async function planPartitions(
  browser: BrowserContext,
  trained: TrainedNetwork,
  exits: ExitNetwork | undefined,
  { conditions, powers, objective = 'latency', limitMs, threads }: PartitionSettings,
): Promise<PlannedPartitions[]> {
  const full = exitChains(trained, [undefined])[0];
  const ways = exits ? exitChains(exits, [...exitsOf(exits.network).map((_, i) => i + 1), undefined]) : [full];
  const chains = exits ? [full, ...ways] : [full];
  const timed = chains.flatMap((way) => way.timed);

  const edgeOnly = baselineContender(
    'edge-only',
    partitioned('edge-only', trained, { segments: full.segments, cut: 0, begins: 'device' }),
  );
  const host = await startHost({
    edges: [edgeOnly.edge!],
    threads,
    files: new Map([
      ...runtimeFiles(),
      ...edgeOnly.files,
      ...timed.map(({ model }, i) => [`segments/${i}.onnx`, model] as const),
    ]),
  });
  const onDevice = new Map<number, number[]>();
  let onEdge: number[];
  let requestMs: number;
  try {
    const models = timed.map((_, i) => `${FILES_PATH}segments/${i}.onnx`);
    for (const slowdown of new Set(conditions.map((one) => one.slowdown))) {
      onDevice.set(
        slowdown,
        await timeOnDevice(browser, { url: host.url, runtime: RUNTIME_PATH, models }, timed, slowdown),
      );
    }
    onEdge = await timeOnEdge(timed, threads);
    requestMs = await requestOverhead(browser, host, edgeOnly, trained, sum(onEdge.slice(0, full.segments.length)));
  } finally {
    await host.close();
  }

  const timesBySlowdown = new Map(
    Array.from(onDevice, ([slowdown, times]) => [slowdown, segmentTimes(chains, times, onEdge)] as const),
  );
  return conditions.map(({ network, slowdown }) => {
    const circumstances: PartitionCircumstances = { network, requestMs, powers: powers(network.name) };
    const times = timesBySlowdown.get(slowdown)!;
    const whole = full.segments.length;
    const partitions = deviceFirst(full.segments, times[0], circumstances);
    const byDevice = bestPartition(partitions, objective);
    const deviceCut = (cut: number): Cut => ({ segments: full.segments, cut, begins: 'device' });
    const expectedOf = (partition: Partition): ExpectedPartition => ({
      ...partition,
      plan: describePartition(deviceCut(partition.cut)),
    });

    const choices = ways.map(
      (way, i): ExitChoice => ({ ...way, times: times[chains.indexOf(way)], accuracy: exits?.accuracies[i] ?? 1 }),
    );
    const chosen = planEdgent(choices, circumstances, limitMs);
    const edgeCut = ({ choice, partition }: ExitPlan): Cut => ({
      segments: choice.segments,
      cut: partition.cut,
      begins: 'edge',
    });
    const byExit = (plan: ExitPlan): ExpectedPartition => {
      const words = describePartition(edgeCut(plan));
      if (!exits) return { ...plan.partition, plan: words };
      const { exit, accuracy } = plan.choice;
      return { ...plan.partition, plan: `${exit === undefined ? 'full network' : `exit ${exit}`}: ${words}`, accuracy };
    };
    const byEdge = partitioned('edgent', exits ?? trained, edgeCut(chosen));
    const { cut } = chosen.partition;
    return {
      neurosurgeon: {
        id: partitionId('neurosurgeon', byDevice.cut, whole),
        baseline: partitioned('neurosurgeon', trained, deviceCut(byDevice.cut)),
        expected: expectedOf(byDevice),
        considered: partitions.map(expectedOf),
      },
      edgent: {
        // Without exits of its own, Edgent cuts the same network as the others, but starts on the edge.
        id: exits ? `edgent-${chosen.choice.exit ?? 'full'}-${cut}` : partitionId('edgent', whole - cut, whole),
        baseline: { ...byEdge, facts: { ...byEdge.facts, plan: byExit(chosen).plan } },
        expected: byExit(chosen),
        considered: exitPlans(choices, circumstances).map(byExit),
      },
    };
  });
}

/** Predicted times of the segments of all chains, chain by chain. */
function segmentTimes(
  chains: readonly { readonly segments: readonly Segment[] }[],
  onDevice: readonly number[],
  onEdge: readonly number[],
): SegmentTimes[][] {
  let end = 0;
  return chains.map(({ segments }) => {
    const start = end;
    end += segments.length;
    const [device, edge] = [onDevice, onEdge].map((times) => predictedMs(segments, times.slice(start, end)));
    return segments.map((_, i) => ({ deviceMs: device[i], edgeMs: edge[i] }));
  });
}

/** @param onDevice segments that run on the device */
function partitionId(approach: string, onDevice: number, segments: number): string {
  if (onDevice === 0) return 'edge-only';
  return onDevice === segments ? 'mobile-only' : `${approach}-${onDevice}`;
}

function exitChains(
  { network, state }: TrainedNetwork,
  exits: readonly (number | undefined)[],
): { readonly exit?: number; readonly segments: readonly Segment[]; readonly timed: readonly TimedSegment[] }[] {
  return exits.map((exit) => {
    const segments = segmentsOf(chainOf(network, exit));
    const timed = segments.map((segment) => ({ segment, model: chainModel(state, segment.layers, segment.name) }));
    return { exit, segments, timed };
  });
}

/** Time of a request besides its layers, in ms. */
async function requestOverhead(
  browser: BrowserContext,
  host: Host,
  { module, options }: Contender,
  { network }: TrainedNetwork,
  layersMs: number,
): Promise<number> {
  const image = new Float32Array(network.input.reduce((all, size) => all * size, 1));
  const conditions = { network: LOOPBACK, slowdown: 1 };
  const images = Array.from({ length: REQUESTS }, () => image);
  const { answers } = await visit(browser, { url: host.url, module, options }, conditions, images, {
    cold: false,
    warmUp: 3,
  });
  return Math.max(0, median(answers.map(({ ms }) => ms)) - layersMs);
}
