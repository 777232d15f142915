import type { Config } from '../../../run/config.js';
import type { Launch } from '../launch.js';

/** A run that is to be trained on a cluster, whose machines see the same folders. */
export interface ClusterJob {
  /** Letters, digits and hyphens. */
  readonly name: string;
  /** Run directory, as a word of a shell. */
  readonly run: string;
  /** Arguments of `lcdnn train` that begin it, as a shell takes them. */
  readonly begin: string;
  /** Those that go on with it. */
  readonly resume: string;
  readonly device: Config['device'];
  readonly launch: Pick<Launch, 'processes' | 'nodes'>;
}

/** Time for a checkpoint before a job is ended or a machine taken away. */
export const SECONDS_TO_SAVE = 180;

/** Flags that gather the machines: each knows which it is, and where the first one listens. */
export function gathering(
  { launch: { processes, nodes } }: ClusterJob,
  machine: { readonly rank: string; readonly first: string },
): string {
  const several = nodes > 1 ? ` --nodes ${nodes} --node-rank ${machine.rank} --rendezvous ${machine.first}` : '';
  return `--processes ${processes}${several}`;
}

/** A name for the job, from that of its run directory; Kubernetes takes up to 63 characters, and adds to them. */
export function jobName(run: string): string {
  const words = run.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `lcdnn-${words}`.slice(-50).replace(/^[^a-z]+|-+$/g, '');
}
