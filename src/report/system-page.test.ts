import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { syntheticResults } from '../../test/synthetic-results.js';
import { figuresOf } from '../baselines/results/figures.js';
import { PUBLISHED_POWERS } from '../baselines/results/powers.js';
import type { SystemResults } from '../baselines/results/results.js';
import { systemPage } from './system-page.js';

const pageOf = (...results: SystemResults[]) =>
  systemPage(
    figuresOf(
      results.map((one, i) => ({ file: `${i}.json`, results: one })),
      PUBLISHED_POWERS,
    ),
  );
const svgsIn = (html: string) => html.match(/<svg.*?<\/svg>/gs) ?? [];

describe('the page of an evaluation', () => {
  let html = '';
  beforeAll(() => {
    html = pageOf(syntheticResults(['lenet']), syntheticResults(['alexnet']));
  });

  it('has the table, every figure, and what was run, for all files', () => {
    for (const title of ['Table 2', ...[10, 11, 12, 13, 14].map((number) => `Fig. ${number}`)]) {
      expect(html).toMatch(new RegExp(`<h2>${title}: `));
    }
    for (const text of [
      '0.json',
      '1.json',
      'lenet on mnist',
      'alexnet on cifar-10',
      'synthetic processor',
      'MobiSys 2012',
    ]) {
      expect(html).toContain(text);
    }
    expect(html).toContain('<small>[109 · 2.95×]</small>');
  });

  it('asks nothing of a server and runs nothing', () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\((?!#)|\b(href|src)="(?!#)/);
  });

  it('draws every chart in both colour schemes, well-formed, with ids of its own', async () => {
    const svgs = svgsIn(html);
    expect(svgs.length).toBeGreaterThan(40);
    expect(svgs.length % 2).toBe(0);
    for (const svg of svgs.slice(0, 12)) {
      expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(380);
    }
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
    const ids = svgs.flatMap((svg) => [...svg.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is alike every time', () => {
    expect(pageOf(syntheticResults(['lenet']), syntheticResults(['alexnet']))).toBe(html);
  });
});

it('copes with one approach, an unknown connection, no curve and one image', () => {
  const results = syntheticResults(['lenet']);
  const [network] = results.networks;
  const [lcdnn] = network.approaches;
  const [first] = lcdnn.measurements;
  const one = { ...first.cold, eachMs: [first.cold.meanMs] };
  const poor: SystemResults = {
    ...results,
    networks: [
      {
        ...network,
        network: 'own <net>',
        curve: [],
        tau: 0,
        approaches: [{ ...lcdnn, measurements: [{ connection: 'satellite', slowdown: 1, cold: one, warm: one }] }],
      },
    ],
  };
  const html = pageOf(poor);
  expect(html).toContain('own &lt;net&gt;');
  expect(html).toContain('no powers are known');
  expect(html).not.toMatch(/NaN|undefined|Infinity|<net>/);
});
