import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../../scripts/docs/pages.js';
import { BUNDLE, folder, LCDNN } from './cli.js';

vi.setConfig({ testTimeout: 180_000 });

/** The job files' own commands, in a folder as their first comment describes it, with another data set. */

const read = (name: string): string => readFileSync(join(ROOT, 'docs/operate/jobs', name), 'utf8');
const bin = join(folder, 'bin');
const CONFIG = {
  train: { dataset: 'tiny', 'batch-size': 10, validation: 20, epochs: 1 },
  'tune-tau': { objective: 'accuracy' },
  evaluate: { 'min-accuracy': ['both=0', 'full=0'] },
  export: { uplink: 'f32', 'max-bytes': '1MB' },
};
const children: ReturnType<typeof spawn>[] = [];

beforeAll(() => {
  mkdirSync(bin);
  const lcdnn = LCDNN.map((word) => `'${word}'`).join(' ');
  for (const [name, first] of [
    ['lcdnn', ''],
    ['npx', '[ "$1" = lcdnn ] || exit 1; shift; '],
  ]) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${first}exec ${lcdnn} "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

function project(name: string): string {
  const at = join(folder, name);
  mkdirSync(at);
  writeFileSync(join(at, 'lcdnn.config.json'), JSON.stringify(CONFIG));
  return at;
}

const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...{ ...process.env, LCDNN_DATA: '', CI: '1', NO_COLOR: '1' },
  ...{ ...more, PATH: `${bin}:${process.env['PATH']}` },
});

function expectSuccess(commands: readonly string[], cwd: string, env: NodeJS.ProcessEnv): void {
  for (const command of commands) {
    const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', command], {
      ...{ cwd, env: environment(env), encoding: 'utf8' },
    });
    expect([command, status, stderr.includes('error:')]).toEqual([command, 0, false]);
  }
}

const isLcdnn = (command: string): boolean => /\blcdnn\b/.test(command);

describe('the commands of the job files', () => {
  it('of GitHub Actions leave what the job keeps', () => {
    const at = project('github');
    const { steps, env } = parse(read('github-actions.yml').replaceAll(/\$\{\{ github\.workspace \}\}/g, at)).jobs
      .model;
    const runs: string[] = steps.flatMap(({ run }: { run?: string }) => run ?? []);
    const summary = join(at, 'summary.md');
    expectSuccess(runs.filter(isLcdnn), at, { ...env, GITHUB_STEP_SUMMARY: summary });
    expect(readFileSync(summary, 'utf8')).toContain('| accuracy of both |');
    const kept = steps.flatMap((step: { with?: { path?: string } }) => step.with?.path?.trim().split(/\s+/) ?? []);
    expect(kept).toContain('build/bundle.about');
    // The cache is empty: the data set comes with the package.
    expect(kept.filter((path: string) => !existsSync(join(at, path)))).toEqual(['.cache/lcdnn']);
  });

  it('of GitLab CI leave what the job keeps', () => {
    const at = project('gitlab');
    const { model } = parse(read('gitlab-ci.yml').replaceAll('$CI_PROJECT_DIR', at));
    expectSuccess(model.script.filter(isLcdnn), at, model.variables);
    const kept = [...model.artifacts.paths, model.artifacts.reports.junit];
    expect(kept.filter((path: string) => !existsSync(join(at, path)))).toEqual([]);
  });

  it('of the image that trains', () => {
    const at = project('docker');
    const words = [...instruction('Dockerfile.train', 'ENTRYPOINT'), ...instruction('Dockerfile.train', 'CMD')];
    expectSuccess([words.join(' ')], at, { XDG_CACHE_HOME: join(at, 'cache') });
    expect(existsSync(join(at, 'build/bundle/manifest.json'))).toBe(true);
  });

  it('of the image that serves, as the cluster starts it: its health check passes', async () => {
    const [{ spec }] = parseAllDocuments(read('kubernetes/edge.yaml')).map((document) => document.toJS());
    const [{ args }] = spec.template.spec.containers;
    const port = 18_080 + (process.pid % 1000);
    const local = (word: string): string =>
      word.replace('/opt/bundle', BUNDLE).replace('0.0.0.0', '127.0.0.1').replaceAll('8080', `${port}`);
    const [program, ...words] = [...instruction('Dockerfile.serve', 'ENTRYPOINT'), ...args].map(local);
    const server = spawn(program, words, { cwd: folder, env: environment({}), stdio: 'ignore' });
    children.push(server);
    const [node, ...check] = instruction('Dockerfile.serve', 'HEALTHCHECK').map(local);
    const isHealthy = () => spawnSync(node, check, { env: environment({}) }).status === 0;
    expect(isHealthy()).toBe(false);
    await vi.waitFor(() => expect(isHealthy()).toBe(true), { timeout: 60_000, interval: 500 });
    const [readiness, liveness] = ['readinessProbe', 'livenessProbe'].map(
      (probe) => spec.template.spec.containers[0][probe].httpGet.path,
    );
    for (const path of [readiness, liveness]) expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  });
});

/** The words of an instruction in exec form. */
function instruction(file: string, name: string): string[] {
  const text = read(file).replaceAll('\\\n', ' ');
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))!;
  return JSON.parse(line.slice(line.indexOf('[')));
}
