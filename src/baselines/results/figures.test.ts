import { expect, it } from 'vitest';
import { syntheticResults } from '../../../test/synthetic-results.js';
import { figuresOf } from './figures.js';
import { PUBLISHED_POWERS } from './powers.js';
import type { SystemResults } from './results.js';

const figures = (results: SystemResults, slowdown?: number) =>
  figuresOf([{ file: 'a/results.json', results }], PUBLISHED_POWERS, slowdown).networks;

it("has Table 2 over 4G with the paper's numbers beside it", () => {
  const [lenet] = figures(syntheticResults(['lenet']));
  expect(lenet.connection).toBe('4g');
  expect(lenet.table2.map(({ slowdown }) => slowdown)).toEqual([1, 4]);
  const cells = lenet.table2[0].cells;
  const of = (name: string) => cells.find(({ approach }) => approach === name)!;
  expect(of('lcdnn')).toMatchObject({ ratio: 1, paper: { meanMs: 37, ratio: 1 } });
  expect(of('mobile-only').ratio).toBeCloseTo(of('mobile-only').meanMs / of('lcdnn').meanMs, 9);
  expect(of('mobile-only').paper?.ratio).toBeCloseTo(2.95, 2);
  expect(of('student').paper).toBeUndefined();
});

it('ends the growing means of Fig. 10 at the mean of all images', () => {
  const results = syntheticResults(['alexnet']);
  const [alexnet] = figures(results, 1);
  const { eachMs } = results.networks[0].approaches[0].measurements[0].cold;
  expect(alexnet.growth.map(({ connection }) => connection)).toEqual(['3g', '4g', '5g', 'wifi']);
  const [{ meanMs }] = alexnet.growth;
  expect(meanMs[0]).toBe(eachMs[0]);
  expect(meanMs).toHaveLength(eachMs.length);
  expect(meanMs[meanMs.length - 1]).toBeCloseTo(eachMs.reduce((sum, ms) => sum + ms) / eachMs.length, 6);
});

it('normalises throughput to the approach that an edge carries the fewest images of, and leaves out who never asks', () => {
  const [{ throughput }] = figures(syntheticResults(['vgg16']));
  expect(throughput.map(({ approach }) => approach)).toEqual([
    ...['lcdnn', 'lcdnn-first', 'edge-only', 'neurosurgeon', 'edgent'],
  ]);
  expect(Math.min(...throughput.map(({ normalised }) => normalised))).toBe(1);
  const [ours] = throughput;
  const edgeOnly = throughput.find(({ approach }) => approach === 'edge-only')!;
  expect(ours.normalised / edgeOnly.normalised).toBeCloseTo(ours.perSecond / edgeOnly.perSecond, 9);
});

it('estimates the energy of every measurement, and what is left of its time', () => {
  const [{ measured, compressed }] = figures(syntheticResults(['resnet18']));
  expect(measured).toHaveLength(12 * 4 * 2);
  for (const { cold, warm } of measured) {
    expect(cold.restMs).toBeCloseTo(3, 6);
    expect(cold.energy!.totalMj).toBeGreaterThan(warm.energy!.totalMj);
  }
  const { connection, slowdown, cold } = measured.find(
    (one) => one.approach === 'student' && one.slowdown === 4 && one.connection === '4g',
  )!;
  expect([connection, slowdown]).toEqual(['4g', 4]);
  expect(compressed.find(({ approach }) => approach === 'student')?.energyMj).toBe(cold.energy?.totalMj);
});

it('takes another connection where 4g was not measured, and knows no energy without powers', () => {
  const results = syntheticResults(['lenet']);
  for (const { measurements } of results.networks[0].approaches) {
    const [first] = measurements;
    measurements.splice(0, measurements.length, { ...first, connection: 'satellite' });
  }
  const [lenet] = figures(results);
  expect(lenet.connection).toBe('satellite');
  expect(lenet.table2).toHaveLength(1);
  expect(lenet.measured.every(({ cold }) => cold.energy === undefined)).toBe(true);
});

it('tells networks of the same name apart by their files', () => {
  const results = syntheticResults(['lenet']);
  const files = ['a/one.json', 'b/two.json'].map((file) => ({ file, results }));
  const titles = figuresOf(files, PUBLISHED_POWERS).networks.map(({ title }) => title);
  expect(titles).toEqual(['lenet on mnist (a/one.json)', 'lenet on mnist (b/two.json)']);
});

it('refuses a slowdown that was not measured', () => {
  expect(() => figures(syntheticResults(['lenet']), 3)).toThrow(/--slowdown: .*\(1, 4\), found 3/);
});
