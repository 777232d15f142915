import { type ClusterJob, gathering, SECONDS_TO_SAVE } from './cluster-job.js';

/**
 * A batch script for Slurm: one `lcdnn train` task per machine. At the time limit it saves a checkpoint and requeues
 * the job. A job that is submitted again resumes from the checkpoint.
 */
export function slurmJob(job: ClusterJob): string {
  const { name, run, device, launch } = job;
  return `#!/bin/bash
# Submit with sbatch and what the cluster asks for: --partition, --account, --time, --mem.
#SBATCH --job-name=${name}
#SBATCH --nodes=${launch.nodes}
#SBATCH --ntasks-per-node=1
${device === 'cuda' ? `#SBATCH --gpus-per-node=${launch.processes}\n` : ''}\
#SBATCH --signal=TERM@${SECONDS_TO_SAVE}
#SBATCH --requeue
#SBATCH --open-mode=append
set -u

# Packed images must lie where every machine sees them.
export XDG_CACHE_HOME="\${XDG_CACHE_HOME:-$PWD/.cache}"

if [ -e ${run}/config.json ]; then
  set -- ${job.resume}
else
  set -- ${job.begin}
fi
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 20000))
export first
srun bash -c 'exec lcdnn train "$@" ${gathering(job, { rank: '"$SLURM_NODEID"', first: '"$first"' })}' lcdnn "$@"
code=$?
# Stopped by the signal, with a checkpoint.
if [ $code -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $code
`;
}
