import type { Episode } from './episode.js';

/** Results of an episode. */
export interface Summary {
  readonly tasks: number;
  /** Means over the steps in which tasks arrive: variance S_t² of the utilisation, and utilisation in [0, 1]. */
  readonly variance: number;
  readonly utilisation: number;
  /** Latency of all tasks, including those in the cloud, from arrival to answer. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of the tasks: late, in the cloud, on a server other than the closest, started more than once. */
  readonly late: number;
  readonly cloud: number;
  readonly forwarded: number;
  readonly retried: number;
  /** Energy of the servers per task, without the cloud. */
  readonly joulesPerTask: number;
  /** Steps until all tasks had a server. */
  readonly steps: number;
}

export const MEASURES = ['variance', 'meanMs', 'p99Ms', 'joulesPerTask', 'cloud'] as const;
export type Measure = (typeof MEASURES)[number];

/** Sums over the steps of an episode, which enter its summary. */
export interface StepSums {
  variance: number;
  utilisation: number;
  energy: number;
}

export function summarise({ world, tasks, servedBy, begun, latencyMs, step }: Episode, sums: StepSums): Summary {
  const { settings, servers } = world;
  const count = Math.max(1, servedBy.length);
  let [cloud, forwarded, retried, late, total] = [0, 0, 0, 0, 0];
  for (let task = 0; task < servedBy.length; task++) {
    total += latencyMs[task];
    if (servedBy[task] === servers) cloud++;
    else if (servedBy[task] !== tasks.place[task]) forwarded++;
    if (begun[task] > 1) retried++;
    if (latencyMs[task] > settings.deadlineMs) late++;
  }
  const sorted = Float32Array.from(latencyMs).sort();
  const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const watts = settings.servers.reduce((sum, server) => sum + server.fullWatts, 0);
  return {
    tasks: servedBy.length,
    variance: sums.variance / tasks.steps,
    utilisation: sums.utilisation / tasks.steps,
    meanMs: total / count,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    late: late / count,
    cloud: cloud / count,
    forwarded: forwarded / count,
    retried: retried / count,
    joulesPerTask: (sums.energy * watts * settings.stepMs) / 1000 / count,
    steps: step,
  };
}
