import type { Powers } from './powers.js';
import type { AnswerTimes } from './results.js';

/** An estimate of what one answer costs a phone, in mJ. */
export interface Energy {
  /** The radio while files come. */
  readonly downloadMj: number;
  /** The processor while it compiles and computes. */
  readonly computeMj: number;
  /** The radio during a request to the edge, */
  readonly uplinkMj: number;
  /** and while the edge computes. */
  readonly waitMj: number;
  /** Sum of the above. */
  readonly totalMj: number;
  /** Further: the radio until it sleeps again, if nothing follows this answer. */
  readonly tailMj: number;
}

/**
 * Energy of an answer as power x time, by its parts and the bytes that it moved. A radio's power rises with its bandwidth,
 * so that a megabit costs the same at any: power x time = base x time + slope x megabits.
 *
 * @param connection as measured; what follows a comma (`4g, changed`) is no part of its name
 * @param wakes share of the answers for which the radio has to wake
 * @returns nothing where the connection's powers are not known
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
