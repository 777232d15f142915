import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeviceBench, type DeviceResult } from '../../src/profiling/device-bench.js';
import { tinyBundle } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-device-'));
const bundle = join(folder, 'bundle');

beforeAll(() => tinyBundle(bundle));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function benchDevice(...flags: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const program = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'bench', 'device', bundle, ...flags], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('bench device', () => {
  it('times a bundle in a browser: whole images, frames of a camera, each step, memory', async () => {
    const { code, stdout, stderr } = await benchDevice('--rounds', '5', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { branchMs, answerMs, edgeMs, frames, steps, simd, relaxedSimd, userAgent, memoryBytes } = JSON.parse(
      stdout,
    ) as DeviceResult;
    expect([branchMs, answerMs, edgeMs].map((samples) => samples?.length)).toEqual([5, 5, 5]);
    expect(frames.map(({ width, height, frameMs }) => [width, height, frameMs.length])).toEqual([
      [1280, 720, 5],
      [1920, 1080, 5],
      [4000, 3000, 5],
    ]);
    expect([simd, relaxedSimd]).toEqual([true, true]);
    expect(userAgent).toMatch(/Chrome/);
    expect(steps.map(({ kernel }) => kernel)).toContain('conv2d_f32');
    expect(memoryBytes % 65536).toBe(0);
  });

  it('prints them, with LiteRT.js beside them', async () => {
    const model = fileURLToPath(new URL('../fixtures/litert/tiny-int8.tflite', import.meta.url));
    const { stdout } = await benchDevice('--rounds', '3', '--profile', '--litert', model);
    expect(stdout).toMatch(/LiteRT\.js +\d+\.\d+ ms \(median of 3;/);
    expect(stdout).toMatch(/LiteRT\.js, 1920x1080 +\d+\.\d+ ms/);
    expect(stdout).toMatch(/one image +\d+\.\d+ ms \(median of 3;/);
    expect(stdout).toMatch(/step +kernel +us +share/);
  });

  it.each([
    ['no browser', '/no/such/browser', /expected a Chromium or Chrome at \/no\/such\/browser, found none/],
    [
      'another program',
      '/bin/false',
      /\/bin\/false exited with code 1 before it finished measuring; choose another with --browser/,
    ],
  ])('says what is wrong with %s', async (_, browser, reason) => {
    const { code, stderr } = await benchDevice('--browser', browser);
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['a failure of the page', { error: 'no WebAssembly here' }, /could not measure the bundle: no WebAssembly here/],
    ['other measurements', { userAgent: 'x', branchMs: [-1] }, /expected measurements from the page, found/],
    ['nothing', undefined, /expected measurements from the page, found text that isn't JSON/],
  ])('hands on %s', async (_, sent, reason) => {
    const { app, result } = await createDeviceBench(await tinyBundle(join(folder, 'other')));
    const refused = expect(result).rejects.toThrow(reason);
    await app.inject({ method: 'POST', url: '/bench/result', body: JSON.stringify(sent) });
    await refused;
    await app.close();
  });
});
