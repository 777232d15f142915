import type { Config } from '../../../run/config.js';
import type { Launch } from '../launch.js';

/** A run to train on a cluster, whose machines all see the same folders. */
export interface ClusterJob {
  /** Letters, digits and hyphens. */
  readonly name: string;
  /** Run directory, quoted for a shell. */
  readonly run: string;
  /** Arguments of `lcdnn train` to start the run, quoted for a shell. */
  readonly begin: string;
  /** Arguments to resume the run. */
  readonly resume: string;
  readonly device: Config['device'];
  readonly launch: Pick<Launch, 'processes' | 'nodes'>;
}

/** Seconds between a warning and the end of a job or machine, for a checkpoint. */
export const SECONDS_TO_SAVE = 180;

/** Flags for training on several machines: the rank of each, and the address of the first one. */
export function gathering(
  { launch: { processes, nodes } }: ClusterJob,
  machine: { readonly rank: string; readonly first: string },
): string {
  const several = nodes > 1 ? ` --nodes ${nodes} --node-rank ${machine.rank} --rendezvous ${machine.first}` : '';
  return `--processes ${processes}${several}`;
}

/** Name of the job, from its run directory. Kubernetes allows 63 characters and appends some of its own. */
export function jobName(run: string): string {
  const words = run.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `lcdnn-${words}`.slice(-50).replace(/^[^a-z]+|-+$/g, '');
}
