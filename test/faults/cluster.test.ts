import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { openRun, readMetrics } from '../../src/run/run-directory.js';
import { PYTHON } from '../python.js';
import { type Ended, expectMistake, fresh, LCDNN, lcdnn, startProgram, tinyOptions } from './cli.js';

const inPytorch = ['--engine', 'pytorch'];
const twoMachines = [...inPytorch, '--nodes', '2', '--processes', '1'];
/** Batches that two processes share. */
const shared = (epochs: number): string[] => [
  '--dataset',
  'tiny',
  '--batch-size',
  '8',
  '--validation',
  '20',
  '--epochs',
  `${epochs}`,
  ...twoMachines,
];

async function emitted(kind: 'slurm' | 'kubernetes', ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lcdnn('train', ...args, '--emit', kind);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** Programs of a cluster whose two machines are this one: srun, which notes its processes, scontrol, and lcdnn. */
function cluster(): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = fresh('cluster');
  mkdirSync(folder);
  const program = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  program('lcdnn', `exec ${LCDNN.join(' ')} "$@"`);
  program('scontrol', `if [ "$1" = show ]; then echo localhost; else echo "$@" >>${folder}/requeued; fi`);
  program(
    'srun',
    `for id in 0 1; do SLURM_NODEID=$id "$@" & pids+=($!); done
echo "\${pids[@]}" >${folder}/machines
for pid in "\${pids[@]}"; do wait $pid || code=$?; done
exit \${code:-0}`,
  );
  const path = [folder, dirname(PYTHON ?? ''), process.env['PATH']].join(':');
  return { folder, env: { PATH: path, SLURM_JOB_ID: '4711', SLURM_JOB_NODELIST: 'machine[0-1]' } };
}

describe.skipIf(PYTHON === undefined)('the script for Slurm', () => {
  it('trains on two machines, saves when its time is over, is queued again, and goes on', async () => {
    const run = fresh('run');
    const epochs = 16;
    const options = [...shared(epochs), '--out', run];
    const script = fresh('job.sh');
    writeFileSync(script, await emitted('slurm', ...options));
    const { folder, env } = cluster();
    const submit = () => startProgram(['bash', script], env);

    const first = submit();
    await first.printed(`epoch  2/${epochs}`);
    for (const pid of readFileSync(join(folder, 'machines'), 'utf8').trim().split(' ')) process.kill(Number(pid));
    expect((await first.ended).code).toBe(143);
    expect(readFileSync(join(folder, 'requeued'), 'utf8')).toBe('requeue 4711\n');
    expect(readMetrics(openRun(run)).length).toBeLessThan(epochs);

    const { code, stderr } = await submit().ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining('resumed at epoch')]);
    expect(readMetrics(openRun(run))).toHaveLength(epochs);
    expect(readFileSync(join(folder, 'requeued'), 'utf8')).toBe('requeue 4711\n');
  });
});

describe('the manifests for Kubernetes', () => {
  const inCluster = ['--image', 'registry/lcdnn:1', '--claim', 'work'];
  const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

  it('are a job with a pod and its GPUs for each machine, and a service to find the first', async () => {
    const options = ['--recipe', 'resnet18-cifar10', '--device', 'cuda', '--nodes', '2', '--processes', '4'];
    const text = await emitted('kubernetes', ...options, ...inPytorch, '--out', "runs/Narrow_18's", ...inCluster);
    const [service, job] = documents(text);
    const name = 'lcdnn-narrow-18-s';
    expect(service).toMatchObject({ kind: 'Service', metadata: { name }, spec: { selector: { app: name } } });
    expect(job).toMatchObject({ kind: 'Job', metadata: { name }, spec: { completions: 2, parallelism: 2 } });
    const { metadata, spec } = job.spec.template;
    expect([metadata.labels, spec.subdomain]).toEqual([{ app: name }, name]);
    expect(spec.containers[0].resources).toEqual({ limits: { 'nvidia.com/gpu': 4 } });
    const mounted = spec.containers[0].volumeMounts.map(({ name: volume }: { name: string }) => volume);
    expect(spec.volumes.map(({ name: volume }: { name: string }) => volume)).toEqual(mounted);
    execFileSync('sh', ['-n', '-c', spec.containers[0].command[2]]);
  });

  it('need no service for one machine, and no GPU where none is asked for', async () => {
    const [job, ...others] = documents(await emitted('kubernetes', ...tinyOptions(1), ...inPytorch, ...inCluster));
    expect(others).toEqual([]);
    expect(job.spec.template.spec).not.toHaveProperty('subdomain');
    expect(job.spec.template.spec.containers[0]).not.toHaveProperty('resources');
  });

  it.skipIf(PYTHON === undefined)('train in their pods, and go on in new ones', async () => {
    const run = fresh('run');
    const options = [...shared(3), '--out', run];
    const [, job] = documents(await emitted('kubernetes', ...options, ...inCluster));
    const [sh, c, command] = job.spec.template.spec.containers[0].command;
    const { name } = job.metadata;
    const here = command.replace(`${name}-0.${name}`, 'localhost').replace(':29400', ':29417');
    const pods = (): Promise<Ended[]> =>
      Promise.all(
        ['0', '1'].map((index) => startProgram([sh, c, here], { ...cluster().env, JOB_COMPLETION_INDEX: index }).ended),
      );
    for (const start of ['lenet on tiny, 3 epochs', 'resumed at epoch 4']) {
      const [first, second] = await pods();
      expect([first.code, second.code]).toEqual([0, 0]);
      expect(first.stderr).toContain(start);
    }
    expect(readMetrics(openRun(run))).toHaveLength(3);
  });
});

it.each<[string, string[], RegExp]>([
  ['another engine', ['--emit', 'slurm'], /^error: --emit: expected engine pytorch, found onnxruntime/],
  [
    'no image',
    [...inPytorch, '--emit', 'kubernetes'],
    /^error: --emit kubernetes: expected both --image IMAGE and --claim/,
  ],
  ['a machine', [...twoMachines, '--emit', 'slurm', '--node-rank', '1'], /--node-rank.* cannot also be provided/],
  ['an odd batch', [...twoMachines, '--emit', 'slurm', '--batch-size', '30'], /--batch-size: expected a multiple of 4/],
  ['an image for nothing', [...inPytorch, '--image', 'x'], /--emit/],
])('refuses %s', async (_, args, line) => {
  const out = fresh('out');
  await expectMistake(['train', '--dataset', 'tiny', ...args, '--out', out], line);
  expect(existsSync(out)).toBe(false);
});
