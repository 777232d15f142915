import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainImage } from '../../test/image-files.js';
import { readResult, type Tested } from '../run/results.js';
import { openRun, runFile } from '../run/run-directory.js';
import { compareAnswers } from './compare-answers.js';
import { evaluate } from './evaluate.js';
import { evaluateUnknown } from './evaluate-unknown.js';
import { listRuns } from './list-runs.js';
import { openTrained } from './open-trained.js';
import { train } from './train.js';
import { tuneTau, tuneTrained } from './tune-tau.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-evaluate-'));
const [first, second, untuned] = ['first', 'second', 'untuned'].map((name) => join(folder, name));
let result: Tested;

beforeAll(async () => {
  const options = { dataset: 'fashion-mnist-sample', width: 0.25, epochs: 1 };
  for (const [i, out] of [first, second, untuned].entries()) await train({ out, options: { ...options, seed: i + 1 } });
  await tuneTau(first, { objective: 'exits', epsilon: 0.05 });
  await tuneTau(second, { objective: 'exits', epsilon: 0.05, entropyTemperature: 0.5 });
  result = await evaluate(first);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an evaluation', () => {
  it.each([
    ['as in Eq. 7', first, 1],
    ['at a temperature of 0.5', second, 0.5],
  ])('agrees with counting image by image, entropy %s', async (_, run, temperature) => {
    const result = await evaluate(run);
    const { evaluate: withNetwork, dataset } = await openTrained(run);
    const { full, branches, labels, classes } = await withNetwork((logitsOf) => logitsOf(dataset.test));
    const guess = (logits: Float32Array, i: number): number => {
      const row = [...logits.subarray(i * classes, (i + 1) * classes)];
      return row.indexOf(Math.max(...row));
    };
    const entropy = (i: number): number => {
      const row = [...branches[0].subarray(i * classes, (i + 1) * classes)].map((logit) =>
        Math.exp(logit / temperature),
      );
      const total = row.reduce((a, b) => a + b);
      return row.reduce((sum, e) => sum - (e / total) * Math.log(e / total), 0) / Math.log(classes);
    };
    const { tau, entropyTemperature } = readResult(openRun(run), 'tau')!;
    expect(entropyTemperature).toBe(temperature);
    const { details } = result;
    const images = [...labels.keys()];
    const early = images.filter((i) => entropy(i) < tau);
    expect(early.length).toBeGreaterThan(0);
    expect(details!.early!.samples).toBe(early.length);
    expect(details!.early!.accuracy).toBeCloseTo(
      early.filter((i) => guess(branches[0], i) === labels[i]).length / early.length,
      12,
    );
    for (const [label, predicted, count] of details!.full.confusion) {
      expect(images.filter((i) => labels[i] === label && guess(full, i) === predicted).length).toBe(count);
    }
    expect(details!.collaborative!.accuracy).toBeCloseTo(result.collaborative!.accuracy, 12);
    expect(details!.branches[0].accuracy).toBeCloseTo(result.branch.accuracy, 12);
    expect(details!.full.interval[0]).toBeLessThan(result.full.accuracy);
    expect(details!.full.interval[1]).toBeGreaterThan(result.full.accuracy);
  });

  it('is read back from test.json, and drawn in the report', () => {
    expect(readResult(openRun(first), 'test')).toEqual(result);
    const html = readFileSync(runFile({ path: first }, 'report'), 'utf8');
    for (const text of ['95 % interval', 'Confusion matrix', 'Most frequent mistakes', 'calibration error']) {
      expect(html).toContain(text);
    }
  });
});

it.each([
  [{ epsilon: 5 }, /expected an epsilon in \(0, 1\), found 5/],
  [{ method: 'algorithm-2', objective: 'risk' }, /expected objective accuracy with method algorithm-2, found risk/],
  [{ entropyTemperature: 0 }, /entropy temperature: expected a number from 0.01 to 100, found 0/],
] as const)('%j is refused before any image is evaluated', async (options, fault) => {
  const trained = await openTrained(untuned);
  const evaluate = () => Promise.reject(new Error('evaluated'));
  await expect(tuneTrained({ ...trained, evaluate }, options)).rejects.toThrow(fault);
});

describe('two runs on the same images', () => {
  it('are compared image by image', async () => {
    const { samples, full, collaborative } = await compareAnswers(first, second);
    for (const pair of [full, collaborative!]) {
      expect(pair.bothRight + pair.onlyFirst + pair.onlySecond + pair.bothWrong).toBe(samples);
      expect(pair.accuracies[0]).toBeCloseTo((pair.bothRight + pair.onlyFirst) / samples, 12);
      expect(pair.accuracies[1]).toBeCloseTo((pair.bothRight + pair.onlySecond) / samples, 12);
    }
    expect(full.accuracies[0]).toBeCloseTo(result.full.accuracy, 12);
  });

  it('a run against itself never differs, and without a threshold only the full branches are compared', async () => {
    const itself = await compareAnswers(untuned, untuned);
    expect(itself.full).toMatchObject({ onlyFirst: 0, onlySecond: 0, pValue: 1 });
    expect(itself.collaborative).toBeUndefined();
  });
});

it('runs are listed with their results, and damaged ones by their fault', () => {
  const listed = listRuns(folder);
  expect(listed.runs.map(({ name, source }) => [name, source])).toEqual([
    ['first', 'test.json'],
    ['second', 'test.json'],
    ['untuned', 'metrics.jsonl'],
  ]);
  expect(listed.runs[0]).toMatchObject({ full: result.full.accuracy, epochs: 1, seed: 1, width: 0.25, rates: [0.002] });
  writeFileSync(runFile({ path: untuned }, 'metrics'), '{}\n');
  const { runs, damaged } = listRuns(folder);
  expect(runs.length).toBe(2);
  expect(damaged).toEqual([expect.stringMatching(/untuned.metrics\.jsonl, line 1: expected the metrics of an epoch/)]);
  expect(() => listRuns(join(folder, 'none'))).toThrow('expected a folder of runs, found no such folder');
});

describe('images of no class', () => {
  it('that exit early are counted with their answers, in every folder inside', async () => {
    const unknown = join(folder, 'unknown');
    await plainImage(join(unknown, 'black.png'), [0, 0, 0]);
    await plainImage(join(unknown, 'inside', 'white.jpg'), [255, 255, 255]);
    await plainImage(join(unknown, 'red.webp'), [200, 20, 10]);
    writeFileSync(join(unknown, 'damaged.png'), 'no image');
    const found = await evaluateUnknown(first, unknown);
    expect(found).toMatchObject({ images: 3, skipped: [{ file: 'damaged.png' }] });
    expect(found.exits).toBe(found.answers.reduce((sum, { exits }) => sum + exits, 0));
    expect(found.testExitRatio).toBeCloseTo(result.collaborative!.exitRatio, 12);
    expect(found.scores.map(({ score }) => score)).toEqual(['entropy', 'energy', 'margin']);
    for (const { area } of found.scores) expect(area).toBeGreaterThanOrEqual(0);
    const report = readFileSync(runFile({ path: first }, 'report'), 'utf8');
    expect(report).toMatch(/<h2>Images of no class<\/h2>\n<p>3 images of \S+unknown: \d \(\d+\.\d\d %\) exit early/);
  });

  it('need a tuned threshold', async () => {
    await expect(evaluateUnknown(untuned, folder)).rejects.toThrow(/expected a tuned threshold, found none/);
  });
});
