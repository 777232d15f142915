import type { BrowserContext } from 'playwright-core';
import { exitsOf } from '../../base/exits.js';
import { median } from '../../base/median.js';
import { type ExitChoice, planEdgent } from '../../baselines/edgent.js';
import { partitioned, type TrainedNetwork } from '../../baselines/partition.js';
import {
  bestPartition,
  deviceFirst,
  type PartitionCircumstances,
  type SegmentTimes,
} from '../../baselines/partition-costs.js';
import { chainOf, type Segment, segmentsOf } from '../../baselines/segments.js';
import { chainModel } from '../../export/float-model.js';
import type { NetworkProfile } from '../../plan/networks.js';
import { baselineContender, type Contender } from './contender.js';
import { type Host, startHost } from './host.js';
import { FILES_PATH } from './host-messages.js';
import { RUNTIME_PATH, runtimeFiles } from './runtime.js';
import { predictedMs, type TimedSegment, timeOnDevice, timeOnEdge } from './time-segments.js';
import { type Conditions, visit } from './visit.js';

/** A network with exits whose branches are float, and how right each of its ways out is. */
export interface ExitNetwork extends TrainedNetwork {
  /** Shares of right answers: of each exit, then of the full network. */
  readonly accuracies: readonly number[];
}

/** What partitions are planned for. */
export interface PartitionSettings {
  readonly conditions: readonly Conditions[];
  readonly powers: (connection: string) => PartitionCircumstances['powers'];
  /** Edgent's limit. */
  readonly limitMs: number;
  /** Of the edge, for one batch. */
  readonly threads: number;
}

/** Partitions for one connection and processor. */
export interface PlannedPartitions {
  readonly neurosurgeon: Contender;
  readonly edgent: Contender;
}

/** Nothing in its way. */
const LOOPBACK: NetworkProfile = { name: 'loopback', upMbps: 1000, downMbps: 1000, roundTripMs: 0, source: '' };
const REQUESTS = 20;

/**
 * Neurosurgeon's and Edgent's partitions for each of the conditions, by regressions fitted to this machine's times of every
 * segment, in the browser and on the edge.
 *
 * @param bundle folder of a bundle that the host needs
 * @param exits where it is absent, Edgent has the full network alone
 */
export async function planPartitions(
  browser: BrowserContext,
  bundle: string,
  trained: TrainedNetwork,
  exits: ExitNetwork | undefined,
  { conditions, powers, limitMs, threads }: PartitionSettings,
): Promise<(conditions: Conditions) => PlannedPartitions> {
  const full = waysOut(trained, [undefined])[0];
  const ways = exits ? waysOut(exits, [...exitsOf(exits.network).map((_, i) => i + 1), undefined]) : [full];
  const timed = [full, ...(exits ? ways : [])].flatMap((way) => way.timed);

  const edgeOnly = baselineContender(
    'edge-only',
    partitioned('edge-only', trained, { segments: full.segments, cut: 0, begins: 'device' }),
  );
  const host = await startHost({
    bundle,
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

  return ({ network, slowdown }) => {
    const circumstances: PartitionCircumstances = { network, requestMs, powers: powers(network.name) };
    let at = exits ? full.segments.length : 0;
    const timesFrom = (start: number, segments: readonly Segment[]): SegmentTimes[] => {
      const of = (times: readonly number[]) => predictedMs(segments, times.slice(start, start + segments.length));
      const [device, edge] = [of(onDevice.get(slowdown)!), of(onEdge)];
      return segments.map((_, i) => ({ deviceMs: device[i], edgeMs: edge[i] }));
    };
    const { cut } = bestPartition(deviceFirst(full.segments, timesFrom(0, full.segments), circumstances), 'latency');

    const choices = ways.map(({ segments, exit }, i): ExitChoice => {
      const times = timesFrom(at, segments);
      at += segments.length;
      return { exit, segments, times, accuracy: exits?.accuracies[i] ?? 1 };
    });
    const { choice, partition } = planEdgent(choices, circumstances, limitMs);
    const named = `exit ${choice.exit ?? 'full'}`;
    const edgent = partitioned('edgent', exits ?? trained, {
      segments: choice.segments,
      cut: partition.cut,
      begins: 'edge',
    });
    return {
      neurosurgeon: baselineContender(
        cutId(cut, full.segments.length),
        partitioned('neurosurgeon', trained, { segments: full.segments, cut, begins: 'device' }),
      ),
      edgent: baselineContender(`edgent-${choice.exit ?? 'full'}-${partition.cut}`, {
        ...edgent,
        facts: { ...edgent.facts, plan: exits ? `${named}: ${edgent.facts.plan}` : edgent.facts.plan },
      }),
    };
  };
}

/** The ends are approaches of their own. */
export const cutId = (cut: number, segments: number): string =>
  cut === 0 ? 'edge-only' : cut === segments ? 'mobile-only' : `neurosurgeon-${cut}`;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function waysOut(
  { network, state }: TrainedNetwork,
  exits: readonly (number | undefined)[],
): { readonly exit?: number; readonly segments: readonly Segment[]; readonly timed: readonly TimedSegment[] }[] {
  return exits.map((exit) => {
    const segments = segmentsOf(chainOf(network, exit));
    const timed = segments.map((segment) => ({ segment, model: chainModel(state, segment.layers, segment.name) }));
    return { exit, segments, timed };
  });
}

/** What a request takes beside its layers, in ms. */
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
