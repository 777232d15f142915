import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUNDLE, copyOf, fresh, LCDNN, RUN, startProgram, tinyOptions } from './cli.js';

/** Variables by which ONNX Runtime recognises a CI machine and sends nothing. They would hide a fault. */
const SILENCING = [
  ...['CI', 'TF_BUILD', 'GITHUB_ACTIONS', 'GITLAB_CI', 'CIRCLECI', 'TRAVIS', 'JENKINS_URL', 'CODEBUILD_BUILD_ID'],
  ...['BUILDKITE', 'TEAMCITY_VERSION', 'APPVEYOR', 'ORT_DISABLE_TELEMETRY', 'XDG_CACHE_HOME'],
];
const SAMPLES = join(BUNDLE, 'demo/samples');

/** The environment of a user who has just arrived: an empty home, no CI. */
function emptyHome() {
  const home = mkdtempSync(join(tmpdir(), 'lcdnn-home-'));
  return { home, env: { HOME: home, ...Object.fromEntries(SILENCING.map((name) => [name, undefined])) } };
}

const filesIn = (home: string): string[] => readdirSync(home, { recursive: true }) as string[];

const onnxruntime = createRequire(import.meta.url).resolve('onnxruntime-node');
const OPENS_A_SESSION = `require(${JSON.stringify(onnxruntime)}).InferenceSession.create('none.onnx').catch(() => {})`;

describe('telemetry of ONNX Runtime', () => {
  it('is written by the library alone (negative control)', async () => {
    const { home, env } = emptyHome();
    await startProgram([process.execPath, '-e', OPENS_A_SESSION], env).ended;
    expect(filesIn(home)).toContain('.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid');
  });

  it.each([
    [
      'train, with threads that load images',
      () => ['train', ...tinyOptions(1), '--loaders', '2', '--out', fresh('run')],
    ],
    ['evaluate', () => ['evaluate', copyOf(RUN)]],
    ['export', () => ['export', RUN, '--out', fresh('bundle')]],
    ['predict', () => ['predict', '--bundle', BUNDLE, SAMPLES]],
  ])('is not written by %s', async (_, args) => {
    const { home, env } = emptyHome();
    expect(await startProgram([...LCDNN, ...args()], env).ended).toMatchObject({ code: 0 });
    expect(filesIn(home)).toEqual([]);
  });

  it('is not written by serve, whose thread runs the tail', async () => {
    const { home, env } = emptyHome();
    const server = startProgram([...LCDNN, 'serve', BUNDLE, '--port', '0'], env);
    let printed = '';
    server.child.stdout!.on('data', (text) => {
      printed += text;
    });
    await server.printed('Ctrl-C stops');
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)!;
    const predict = startProgram([...LCDNN, 'predict', '--bundle', BUNDLE, '--edge', url, SAMPLES], env);
    expect(await predict.ended).toMatchObject({ code: 0 });
    server.child.kill('SIGINT');
    expect(await server.ended).toMatchObject({ code: 0 });
    expect(filesIn(home)).toEqual([]);
  });

  it('stays as the user has set it', async () => {
    const { home, env } = emptyHome();
    await startProgram([...LCDNN, 'evaluate', copyOf(RUN)], { ...env, ORT_DISABLE_TELEMETRY: '0' }).ended;
    expect(filesIn(home)).toContain('.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid');
  });
});

const strace = spawnSync('strace', ['-V']).status === 0;

describe.runIf(strace)('system calls', () => {
  it.each([
    ['train', () => ['train', ...tinyOptions(1), '--out', fresh('run')]],
    ['predict', () => ['predict', '--bundle', BUNDLE, SAMPLES]],
  ])('%s opens no connection', async (_, args) => {
    const { env } = emptyHome();
    const log = fresh('calls');
    const traced = ['strace', '-f', '-e', 'trace=connect,sendto', '-o', log, ...LCDNN, ...args()];
    expect(await startProgram(traced, env).ended).toMatchObject({ code: 0 });
    expect(existsSync(log)).toBe(true);
    expect(readFileSync(log, 'utf8')).not.toMatch(/AF_INET/);
  });
});
