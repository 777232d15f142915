import type { Powers } from './powers.js';
import type { AnswerTimes } from './results.js';

/** Estimated energy that one answer costs a phone, in mJ. */
export interface Energy {
  /** The radio while files are downloaded. */
  readonly downloadMj: number;
  /** The processor while it compiles and computes. */
  readonly computeMj: number;
  /** The radio during a request to the edge, without the edge's computing time. */
  readonly uplinkMj: number;
  /** The radio while the edge computes. */
  readonly waitMj: number;
  /** Sum of the above. */
  readonly totalMj: number;
  /** Not in the sum: the radio until it sleeps again, if no other answer follows. */
  readonly tailMj: number;
}

/**
 * Energy of an answer, power x time, from its parts and the bytes that it moved. A radio's power rises linearly with
 * bandwidth, so a megabit adds the same energy at any bandwidth: power x time = base x time + slope x megabits.
 *
 * @param connection as measured; text after a comma (`4g, changed`) isn't part of its name
 * @param wakes share of the answers for which the radio has to wake
 * @returns undefined if the powers of the connection are unknown
 */
export function energyOf(
  { parts, bytesDown, bytesUp }: Pick<AnswerTimes, 'parts' | 'bytesDown' | 'bytesUp'>,
  connection: string,
  wakes: number,
  { processor, radios }: Powers,
): Energy | undefined {
  const radio = radios[connection.split(',')[0]];
  if (!radio) return undefined;
  const downloadMj = (radio.baseMw * parts.downloadMs) / 1000 + radio.downMwPerMbps * megabits(bytesDown);
  const computeMj = (processor.busyMw * (parts.compileMs + parts.computeMs)) / 1000;
  const uplinkMj = (radio.baseMw * parts.uplinkMs) / 1000 + radio.upMwPerMbps * megabits(bytesUp);
  const waitMj = (radio.tailMw * parts.edgeMs) / 1000;
  return {
    downloadMj,
    computeMj,
    uplinkMj,
    waitMj,
    totalMj: downloadMj + computeMj + uplinkMj + waitMj,
    tailMj: (wakes * radio.tailMw * radio.tailMs) / 1000,
  };
}

const megabits = (bytes: number): number => (8 * bytes) / 1e6;
