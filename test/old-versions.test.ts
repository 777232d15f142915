import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const FIXTURE = fileURLToPath(new URL('fixtures/version-0.1/', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const expected = JSON.parse(readFileSync(join(FIXTURE, 'expected.json'), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-old-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
cpSync(FIXTURE, folder, { recursive: true });
const [run, bundle] = [join(folder, 'run'), join(folder, 'bundle')];
const lcdnn = (...args: string[]) =>
  JSON.parse(execFileSync(process.execPath, [PROGRAM, ...args, '--json'], { encoding: 'utf8' }));

describe('files that lcdnn 0.1.0 wrote', () => {
  it('the run evaluates to the same accuracies', () => {
    expect(lcdnn('evaluate', run)).toMatchObject(expected.evaluate);
  });

  it('the run is tuned and exported', () => {
    lcdnn('tune-tau', run);
    lcdnn('export', run, '--target', 'web', '--out', join(folder, 'exported'));
    expect(answers(join(folder, 'exported'))).toEqual(classesOf(expected.predict));
  });

  it('the bundle gives the same answers', () => {
    expect(answers(bundle)).toEqual(classesOf(expected.predict));
  });
});

const answers = (path: string) =>
  classesOf(lcdnn('predict', '--bundle', path, join(bundle, 'demo/samples')).predictions);

function classesOf(predictions: readonly { index: number; label: string; by: string; entropy: number }[]) {
  return predictions.map(({ index, label, by, entropy }) => ({ index, label, by, entropy: entropy.toFixed(4) }));
}
