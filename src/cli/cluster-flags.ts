import { Flags } from '@oclif/core';
import { CLUSTERS } from '../train/pytorch/cluster/cluster-job-file.js';

const helpGroup = 'PYTORCH';

/** Flags of `train` for the job file of a cluster. */
export const clusterFlags = {
  emit: Flags.option({
    summary: 'Print the job file of a cluster that trains this run, instead of training it.',
    helpGroup,
    options: CLUSTERS,
    exclusive: ['resume', 'node-rank', 'rendezvous'],
  })(),
  image: Flags.string({
    summary: 'Container image with lcdnn and its Python, for --emit kubernetes.',
    helpGroup,
    dependsOn: ['emit'],
  }),
  claim: Flags.string({
    summary: 'PersistentVolumeClaim with the data and runs, used as the working folder of the pods.',
    helpGroup,
    dependsOn: ['emit'],
  }),
};
