import { stringify } from 'yaml';
import { type ClusterJob, gathering, SECONDS_TO_SAVE } from './cluster-job.js';

export interface Cluster {
  /** Container image with lcdnn and, for engine pytorch, Python. */
  readonly image: string;
  /** PersistentVolumeClaim with the data and the run directory: the working folder of every machine. */
  readonly claim: string;
}

const PORT = 29400;
/** Number of machines that may fail or be taken away before the job fails. */
const RESTARTS = 100;
const FOLDER = '/lcdnn';

/**
 * Manifests of Kubernetes: an indexed Job with a pod for each machine. Restarted pods resume from the last checkpoint.
 * With several machines, also a headless Service through which they find the first one.
 */
export function kubernetesJob(job: ClusterJob, { image, claim }: Cluster): string {
  const { name, run, device, launch } = job;
  const several = launch.nodes > 1;
  const rank = '"$JOB_COMPLETION_INDEX"';
  const together = gathering(job, { rank, first: `${name}-0.${name}:${PORT}` });
  const command = `\
# The first machine alone decides whether the run goes on; the others join it.
if [ ${rank} = 0 ] && [ -e ${run}/config.json ]; then
  set -- ${job.resume}
else
  set -- ${job.begin}
fi
exec lcdnn train "$@" ${together}
`;
  const labels = { app: name };
  const container = {
    name: 'train',
    image,
    command: ['sh', '-c', command],
    workingDir: FOLDER,
    // Packed images must be where every machine sees them.
    env: [{ name: 'XDG_CACHE_HOME', value: `${FOLDER}/.cache` }],
    ...(device === 'cuda' ? { resources: { limits: { 'nvidia.com/gpu': launch.processes } } } : {}),
    volumeMounts: [
      { name: 'work', mountPath: FOLDER },
      { name: 'shared-memory', mountPath: '/dev/shm' },
    ],
  };
  const pod = {
    ...(several ? { subdomain: name } : {}),
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: SECONDS_TO_SAVE,
    containers: [container],
    volumes: [
      { name: 'work', persistentVolumeClaim: { claimName: claim } },
      // A container's default is 64 MB, too little for the processes of PyTorch.
      { name: 'shared-memory', emptyDir: { medium: 'Memory' } },
    ],
  };
  const jobManifest = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels },
    spec: {
      completions: launch.nodes,
      parallelism: launch.nodes,
      completionMode: 'Indexed',
      backoffLimit: RESTARTS,
      // Exit code 2 is a mistake, which a restart can't fix.
      podFailurePolicy: {
        rules: [{ action: 'FailJob', onExitCodes: { containerName: container.name, operator: 'In', values: [2] } }],
      },
      template: { metadata: { labels }, spec: pod },
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: { clusterIP: 'None', selector: labels, publishNotReadyAddresses: true, ports: [{ port: PORT }] },
  };
  const manifests = several ? [service, jobManifest] : [jobManifest];
  return manifests.map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
