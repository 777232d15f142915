import { basename } from 'node:path';
import { UserError } from '../../../base/errors.js';
import { flagsFor, shellQuoted } from '../../../run/command-line.js';
import type { Config } from '../../../run/config.js';
import { launchOf } from '../launch.js';
import { type ClusterJob, jobName } from './cluster-job.js';
import { kubernetesJob } from './kubernetes.js';
import { slurmJob } from './slurm.js';

/** A run on a cluster, with the options for its `lcdnn train`. */
export interface ClusterRun {
  readonly config: Config;
  /** The given options, and the folder of the data. */
  readonly given: Partial<Config>;
  readonly recipe?: string;
  /** Run directory to create. */
  readonly out: string;
  readonly python?: string;
  readonly loaders?: number;
  readonly processes?: number;
  readonly nodes?: number;
  /** For Kubernetes: container image, and volume claim of the working folder. */
  readonly image?: string;
  readonly claim?: string;
}

/** Writers of job files by cluster scheduler. */
const WRITERS = {
  slurm: (job: ClusterJob) => slurmJob(job),
  kubernetes(job: ClusterJob, { image, claim }: ClusterRun) {
    if (image !== undefined && claim !== undefined) return kubernetesJob(job, { image, claim });
    throw new UserError('--emit kubernetes: expected both --image IMAGE and --claim CLAIM, found only one or neither');
  },
};

export type ClusterKind = keyof typeof WRITERS;
export const CLUSTERS = Object.keys(WRITERS) as ClusterKind[];

/** Only the job knows the address of the first machine. */
const FOUND_BY_THE_JOB = 'first:1';

/**
 * The job file of a run. @throws UserError if the processes can't share the batch, or Kubernetes lacks image or claim
 */
export function clusterJobFile(kind: ClusterKind, run: ClusterRun): string {
  const { config, given, recipe, out, python, loaders, processes, nodes } = run;
  const everywhere = [
    ...(python === undefined ? [] : [`--python ${shellQuoted(python)}`]),
    ...(loaders === undefined ? [] : [`--loaders ${loaders}`]),
  ];
  const recipeFlags = recipe === undefined ? [] : [`--recipe ${shellQuoted(recipe)}`];
  const job: ClusterJob = {
    name: jobName(basename(out)),
    run: shellQuoted(out),
    begin: [...recipeFlags, flagsFor(given), `--out ${shellQuoted(out)}`, ...everywhere].join(' '),
    resume: [`--resume ${shellQuoted(out)}`, ...everywhere].join(' '),
    device: config.device,
    launch: launchOf({ processes, nodes, rendezvous: FOUND_BY_THE_JOB }, config),
  };
  return WRITERS[kind](job, run);
}
