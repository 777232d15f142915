import { UserError } from '../../base/errors.js';
import { type Energy, energyOf } from './energy.js';
import { PAPER_LATENCIES } from './paper.js';
import type { Powers } from './powers.js';
import {
  type AnswerTimes,
  APPROACHES,
  type Approach,
  type ApproachResults,
  type Measurement,
  type NetworkResults,
  type Parts,
  type SystemResults,
} from './results.js';

/** Default connection of Table 2 and Fig. 13. */
const PAPER_CONNECTION = '4g';
/** Fig. 13's networks that are small enough to download whole; `binary` is the branch alone. */
const COMPRESSED: readonly Approach[] = ['lcdnn', 'mobile-only-int8', 'mobilenet-v2', 'student', 'binary'];

/** The numbers of the paper's Table 2 and Figs. 10 to 14, computed from the results of `lcdnn bench system`. */
export interface Figures {
  readonly runs: readonly (Omit<SystemResults, 'networks' | 'format'> & { readonly file: string })[];
  readonly powers: Powers;
  readonly networks: readonly NetworkFigures[];
}

export interface NetworkFigures
  extends Pick<NetworkResults, 'network' | 'dataset' | 'training' | 'tau' | 'accuracy' | 'curve'> {
  /** `lenet on mnist`, followed by the file name if several have the same title. */
  readonly title: string;
  /** The connection of Table 2 and Fig. 13: the paper's, or else the first one that was measured. */
  readonly connection: string;
  /** Slowdown of the processor in Figs. 10, 11 and 13. */
  readonly slowdown: number;
  readonly table2: readonly LatencyRow[];
  /** Fig. 10: mean latency of LcDNN's first 1, 2, 3... images, with an empty cache, in ms. */
  readonly growth: readonly { readonly connection: string; readonly meanMs: readonly number[] }[];
  /** All measurements, with the energies of Fig. 11. */
  readonly measured: readonly Measured[];
  /**
   * Fig. 12: images per second that one core of the edge can support, and the ratio to the approach that supports the
   * fewest.
   */
  readonly throughput: readonly {
    readonly approach: Approach;
    readonly perSecond: number;
    readonly normalised: number;
  }[];
  /** Fig. 13. */
  readonly compressed: readonly Compressed[];
  readonly approaches: readonly Omit<ApproachResults, 'measurements'>[];
}

/** A row of Table 2: mean latency with an empty cache, and its ratio to LcDNN's. */
export interface LatencyRow {
  readonly slowdown: number;
  readonly cells: readonly LatencyCell[];
}

export interface LatencyCell extends Ratio {
  readonly approach: Approach;
  /** The value that the paper reports. */
  readonly paper?: Ratio;
}

interface Ratio {
  readonly meanMs: number;
  readonly ratio?: number;
}

export interface Measured {
  readonly approach: Approach;
  readonly connection: string;
  readonly slowdown: number;
  readonly cold: MeasuredAnswers;
  readonly warm: MeasuredAnswers;
}

export interface MeasuredAnswers extends Omit<AnswerTimes, 'eachMs'> {
  /** The rest of the latency, in none of the parts. */
  readonly restMs: number;
  /** Absent if the connection's powers are unknown. */
  readonly energy?: Energy;
}

export interface Compressed {
  readonly approach: Approach;
  readonly meanMs: number;
  readonly energyMj?: number;
  readonly accuracy?: number;
  readonly downloadBytes: number;
}

/**
 * @param slowdown of the processor in the figures. Default: the largest that was measured, because it is nearest to a
 *   phone
 * @throws UserError if nothing was measured at that slowdown
 */
export function figuresOf(
  files: readonly { readonly file: string; readonly results: SystemResults }[],
  powers: Powers,
  slowdown?: number,
): Figures {
  const titles = files.flatMap(({ results }) => results.networks.map(titleOf));
  return {
    runs: files.map(({ file, results: { date, machine, settings } }) => ({ file, date, machine, settings })),
    powers,
    networks: files.flatMap(({ file, results }) =>
      results.networks.map((network) => {
        const alone = titles.filter((title) => title === titleOf(network)).length === 1;
        const title = alone ? titleOf(network) : `${titleOf(network)} (${file})`;
        return { title, ...networkFigures(network, powers, slowdown) };
      }),
    ),
  };
}

const titleOf = ({ network, dataset }: NetworkResults): string => `${network} on ${dataset}`;

function networkFigures(results: NetworkResults, powers: Powers, wanted?: number): Omit<NetworkFigures, 'title'> {
  const { network, dataset, training, tau, accuracy, curve } = results;
  const approaches = [...results.approaches].sort(
    (a, b) => APPROACHES.indexOf(a.approach) - APPROACHES.indexOf(b.approach),
  );
  const all = approaches.flatMap(({ measurements }) => measurements);
  const slowdowns = [...new Set(all.map(({ slowdown }) => slowdown))].sort((a, b) => a - b);
  const slowdown = wanted ?? slowdowns[slowdowns.length - 1];
  if (!slowdowns.includes(slowdown)) {
    throw new UserError(
      `--slowdown: expected one that ${network} was measured at (${slowdowns.join(', ')}), found ${slowdown}`,
    );
  }
  const connections = all.map(({ connection }) => connection);
  const connection = connections.includes(PAPER_CONNECTION) ? PAPER_CONNECTION : connections[0];
  return {
    ...{ network, dataset, training, tau, accuracy, curve, connection, slowdown },
    table2: slowdowns.map((one) => ({ slowdown: one, cells: latencies(network, approaches, connection, one) })),
    growth: growth(approaches, slowdown),
    measured: approaches.flatMap((approach) => approach.measurements.map((one) => measuredOf(approach, one, powers))),
    throughput: throughput(approaches),
    compressed: compressed(approaches, connection, slowdown, powers),
    approaches: approaches.map(({ measurements: _, ...rest }) => rest),
  };
}

const find = ({ measurements }: ApproachResults, connection: string, slowdown: number): Measurement | undefined =>
  measurements.find((one) => one.connection === connection && one.slowdown === slowdown);

function latencies(network: string, approaches: readonly ApproachResults[], connection: string, slowdown: number) {
  const printed = PAPER_LATENCIES[network] ?? {};
  const means = approaches.flatMap((results) => {
    const found = find(results, connection, slowdown);
    return found ? [{ approach: results.approach, meanMs: found.cold.meanMs }] : [];
  });
  const ours = means.find(({ approach }) => approach === 'lcdnn')?.meanMs;
  return means.map(({ approach, meanMs }): LatencyCell => {
    const paper = printed[approach];
    return {
      approach,
      meanMs,
      ratio: ours && meanMs / ours,
      ...(paper !== undefined && { paper: { meanMs: paper, ratio: printed.lcdnn && paper / printed.lcdnn } }),
    };
  });
}

function growth(approaches: readonly ApproachResults[], slowdown: number) {
  const ours = approaches.find(({ approach }) => approach === 'lcdnn')?.measurements ?? [];
  return ours
    .filter((one) => one.slowdown === slowdown)
    .map(({ connection, cold }) => ({ connection, meanMs: runningMeans(cold.eachMs) }));
}

/** The means of the first 1, 2, 3... values. */
function runningMeans(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value;
    return sum / (i + 1);
  });
}

function measuredOf(
  { approach, edge }: ApproachResults,
  { connection, slowdown, cold, warm }: Measurement,
  powers: Powers,
) {
  const answers = ({ eachMs: _, ...rest }: AnswerTimes, wakes: number): MeasuredAnswers => ({
    ...rest,
    restMs: Math.max(0, rest.meanMs - sumOf(rest.parts)),
    energy: energyOf(rest, connection, wakes, powers),
  });
  // With an empty cache the radio always wakes; with a full one, only for a request to the edge.
  return { approach, connection, slowdown, cold: answers(cold, 1), warm: answers(warm, edge.asked) };
}

const sumOf = ({ downloadMs, compileMs, computeMs, uplinkMs, edgeMs }: Parts): number =>
  downloadMs + compileMs + computeMs + uplinkMs + edgeMs;

function throughput(approaches: readonly ApproachResults[]) {
  const carried = approaches.flatMap(({ approach, edge: { perSecond } }) =>
    perSecond === undefined ? [] : [{ approach, perSecond }],
  );
  const lowest = Math.min(...carried.map(({ perSecond }) => perSecond));
  return carried.map((one) => ({ ...one, normalised: one.perSecond / lowest }));
}

function compressed(approaches: readonly ApproachResults[], connection: string, slowdown: number, powers: Powers) {
  return approaches
    .filter(({ approach }) => COMPRESSED.includes(approach))
    .flatMap((results): Compressed[] => {
      const found = find(results, connection, slowdown);
      if (!found) return [];
      const { approach, accuracy, downloadBytes } = results;
      const energyMj = energyOf(found.cold, connection, 1, powers)?.totalMj;
      return [{ approach, meanMs: found.cold.meanMs, energyMj, accuracy: accuracy?.share, downloadBytes }];
    });
}
