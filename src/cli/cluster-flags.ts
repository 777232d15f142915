import { basename } from 'node:path';
import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { flagsFor, shellQuoted } from '../run/command-line.js';
import type { Config } from '../run/config.js';
import { type ClusterJob, jobName } from '../train/pytorch/cluster/cluster-job.js';
import { kubernetesJob } from '../train/pytorch/cluster/kubernetes.js';
import { slurmJob } from '../train/pytorch/cluster/slurm.js';
import { launchOf } from '../train/pytorch/launch.js';

/** Flags of `train` for the job file of a cluster. */
export const clusterFlags = {
  emit: Flags.option({
    summary: 'Print the job file of a cluster for this run, instead of training it.',
    helpGroup: 'PYTORCH',
    options: ['slurm', 'kubernetes'] as const,
    exclusive: ['resume', 'node-rank', 'rendezvous'],
  })(),
  image: Flags.string({
    summary: 'Container image with lcdnn and its Python, for --emit kubernetes.',
    helpGroup: 'PYTORCH',
    dependsOn: ['emit'],
  }),
  claim: Flags.string({
    summary: 'PersistentVolumeClaim that is the working folder of its pods: data and runs are in it.',
    helpGroup: 'PYTORCH',
    dependsOn: ['emit'],
  }),
};

/** A run as the command line names it. */
export interface ClusterRun {
  readonly config: Config;
  /** The options that were given, and the folder of the data. */
  readonly given: Partial<Config>;
  readonly recipe?: string;
  /** Run directory to create. */
  readonly out: string;
  readonly python?: string;
  readonly loaders?: number;
  readonly processes?: number;
  readonly nodes?: number;
}

/** @throws UserError where the batch does not divide among the processes, or Kubernetes is not told image and claim */
export function clusterJobFile(
  kind: 'slurm' | 'kubernetes',
  run: ClusterRun,
  { image, claim }: { readonly image?: string; readonly claim?: string },
): string {
  const { config, given, recipe, out, python, loaders, processes, nodes } = run;
  const found = launchOf({ processes, nodes, rendezvous: FOUND_BY_THE_JOB }, config);
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
    launch: found,
  };
  if (kind === 'slurm') return slurmJob(job);
  if (image === undefined || claim === undefined) {
    throw new UserError('--emit kubernetes: expected --image IMAGE and --claim CLAIM, found only one of them or none');
  }
  return kubernetesJob(job, { image, claim });
}

const FOUND_BY_THE_JOB = 'first:1';
