import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { commandHost } from './faults/command-host.js';

const FIXTURE = fileURLToPath(new URL('fixtures/version-0.1/', import.meta.url));
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const expected = JSON.parse(readFileSync(join(FIXTURE, 'expected.json'), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-old-'));
const host = commandHost(PACKAGE, PACKAGE, process.env);
afterAll(() => {
  host.stop();
  rmSync(folder, { recursive: true, force: true });
});
cpSync(FIXTURE, folder, { recursive: true });
const [run, bundle] = [join(folder, 'run'), join(folder, 'bundle')];
const lcdnn = async (...args: string[]) => {
  const { code, stdout, stderr } = await host.run([...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

describe('files that lcdnn 0.1.0 wrote', () => {
  it('the run evaluates to the same accuracies', async () => {
    expect(await lcdnn('evaluate', run)).toMatchObject(expected.evaluate);
  });

  it('the run is tuned and exported', async () => {
    await lcdnn('tune-tau', run);
    await lcdnn('export', run, '--target', 'web', '--out', join(folder, 'exported'));
    expect(await answers(join(folder, 'exported'))).toEqual(classesOf(expected.predict));
  });

  it('the bundle gives the same answers', async () => {
    expect(await answers(bundle)).toEqual(classesOf(expected.predict));
  });
});

const answers = async (path: string) =>
  classesOf((await lcdnn('predict', '--bundle', path, join(bundle, 'demo/samples'))).predictions);

function classesOf(predictions: readonly { index: number; label: string; by: string; entropy: number }[]) {
  return predictions.map(({ index, label, by, entropy }) => ({ index, label, by, entropy: entropy.toFixed(4) }));
}
