import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntheticResults } from '../synthetic-results.js';
import { expectMistake, fresh, lcdnn } from './cli.js';

/** A file of results; `change` breaks it. */
function written(name: string, change: object = {}, networks = ['lenet']): string {
  const path = fresh(name);
  writeFileSync(path, JSON.stringify({ ...syntheticResults(networks), ...change }));
  return path;
}

describe.concurrent('report', () => {
  it('draws a page of several files, and prints Table 2', async () => {
    const out = fresh('page.html');
    const files = [written('lenet.json'), written('vgg16.json', {}, ['vgg16'])];
    const { code, stdout, stderr } = await lcdnn('report', ...files, '--out', out);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/lenet on mnist +mobile-only +4g +1 +[\d.]+ +[\d.]+ +109 +2.95/);
    expect(stdout).toMatch(/energy is an estimate/);
    expect(readFileSync(out, 'utf8')).toMatch(/<!doctype html>.*vgg16 on cifar-10/s);
  });

  it('gives the numbers of all figures as JSON, by powers of the user', async () => {
    const powers = fresh('powers.json');
    writeFileSync(powers, JSON.stringify({ processor: { busyMw: 0 } }));
    const args = [written('lenet.json'), '--out', fresh('page.html'), '--powers', powers, '--slowdown', '1'];
    const { code, stdout } = await lcdnn('report', ...args, '--json');
    expect(code).toBe(0);
    const { networks } = JSON.parse(stdout);
    expect(networks[0]).toMatchObject({ title: 'lenet on mnist', connection: '4g', slowdown: 1 });
    expect(networks[0].measured[0].cold.energy.computeMj).toBe(0);
    expect(networks[0].measured[0].cold.energy.downloadMj).toBeGreaterThan(0);
  });

  it.each<[string, () => string[], RegExp]>([
    ['no file', () => [], /results.*--help/],
    [
      'a file that is not there',
      () => [fresh('none.json')],
      /none\.json: expected what "lcdnn bench system" writes, .*no such file/,
    ],
    [
      'another JSON',
      () => [written('x.json', { networks: 1 })],
      /x\.json: expected .* found 1 at networks \(.*\); measure again/,
    ],
    ['another format', () => [written('x.json', { format: 99 })], /found 99 at format/],
    ['no networks', () => [written('x.json', { networks: [] })], /found \[\] at networks/],
    [
      'a second file that is none',
      () => [written('a.json'), written('b.json', { date: 1 })],
      /b\.json: .* found 1 at date/,
    ],
    [
      'a slowdown that was not measured',
      () => [written('x.json'), '--slowdown', '3'],
      /--slowdown: .*\(1, 4\), found 3/,
    ],
    ['powers that are none', () => [written('x.json'), '--powers', written('p.json')], /p\.json: expected powers/],
    ['a folder for a page', () => [written('x.json'), '--out', dirname(written('y.json'))], /found a folder/],
    [
      'a folder that is not there',
      () => [written('x.json'), '--out', join(fresh('none'), 'page.html')],
      /can't be written there/,
    ],
  ])('refuses %s', async (_, args, message) => {
    await expectMistake(['report', ...args()], message);
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder that may not be written', async () => {
    const folder = fresh('locked');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    await expectMistake(['report', written('x.json'), '--out', join(folder, 'page.html')], /no permission/);
    expect(existsSync(join(folder, 'page.html'))).toBe(false);
  });
});
