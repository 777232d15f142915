import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const LCDNN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** Packages that take a tenth of a second or more to load. */
const HEAVY = /node_modules\/(onnxruntime-node|@tensorflow|sharp|fastify|echarts|onnx-proto|zod|playwright-core)\//;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-start-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Prints the CommonJS modules that were loaded, when the process ends; each heavy package has some. */
const hook = join(folder, 'hook.cjs');
writeFileSync(hook, "process.on('exit', () => process.stderr.write(Object.keys(require.cache).join('\\n')));");

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['--require', hook, LCDNN, ...args], { encoding: 'utf8', env: { ...process.env } });

describe('starting lcdnn loads no command and no heavy package', () => {
  it.each([['--version'], ['--help'], ['schedule', '--help']])('%s %s', (...args) => {
    const { status, stderr } = run(...args);
    expect(status).toBe(0);
    expect(stderr).toContain('@oclif/core');
    expect(stderr.split('\n').filter((path) => HEAVY.test(path))).toEqual([]);
  });

  it('while a command that computes loads them (negative control)', () => {
    expect(run('inspect', 'none').stderr).toMatch(HEAVY);
  });
});

describe('a command that does not exist', () => {
  it('is answered with a suggestion, without waiting for an answer', () => {
    const { status, stderr } = run('trian');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: expected a command, found trian; did you mean train\?\n/);
  });
});
