import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startRapl } from './rapl.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-rapl-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of zones as Linux has it. */
function powercap(zones: Readonly<Record<string, { name: string; energy?: number | string; range?: number }>>): string {
  const root = mkdtempSync(join(folder, 'at-'));
  for (const [zone, { name, energy, range }] of Object.entries(zones)) {
    mkdirSync(join(root, zone));
    writeFileSync(join(root, zone, 'name'), `${name}\n`);
    if (energy !== undefined) writeFileSync(join(root, zone, 'energy_uj'), `${energy}\n`);
    if (range !== undefined) writeFileSync(join(root, zone, 'max_energy_range_uj'), `${range}\n`);
  }
  return root;
}

const set = (root: string, zone: string, energy: number | string) =>
  writeFileSync(join(root, zone, 'energy_uj'), `${energy}\n`);

it('adds up the packages, not what lies within them or around them', () => {
  const root = powercap({
    'intel-rapl:0': { name: 'package-0', energy: 1_000_000, range: 9_000_000 },
    'intel-rapl:1': { name: 'package-1', energy: 2_000_000, range: 9_000_000 },
    'intel-rapl:0:0': { name: 'core', energy: 0, range: 9_000_000 },
    'intel-rapl:2': { name: 'psys', energy: 0, range: 9_000_000 },
  });
  const joules = startRapl(root)!;
  set(root, 'intel-rapl:0', 1_500_000);
  set(root, 'intel-rapl:1', 2_250_000);
  set(root, 'intel-rapl:0:0', 400_000);
  expect(joules()).toBeCloseTo(0.75, 9);
  expect(joules()).toBe(0);
});

it('goes on where a counter begins anew', () => {
  const root = powercap({ 'intel-rapl:0': { name: 'package-0', energy: 8_000_000, range: 9_000_000 } });
  const joules = startRapl(root)!;
  set(root, 'intel-rapl:0', 1_000_000);
  expect(joules()).toBeCloseTo(2, 9);
});

it('is absent where there are no counters, or none that we may read', () => {
  expect(startRapl(join(folder, 'nowhere'))).toBeUndefined();
  expect(startRapl(powercap({}))).toBeUndefined();
  expect(startRapl(powercap({ 'intel-rapl:0': { name: 'package-0', range: 9 } }))).toBeUndefined();
  expect(startRapl(powercap({ 'intel-rapl:0': { name: 'package-0', energy: 'x', range: 9 } }))).toBeUndefined();
});

it('says nothing once a counter has gone, or has wrapped without a range', () => {
  const root = powercap({ 'intel-rapl:0': { name: 'package-0', energy: 5 } });
  const joules = startRapl(root)!;
  set(root, 'intel-rapl:0', 1);
  expect(joules()).toBeUndefined();
  set(root, 'intel-rapl:0', 'gone');
  expect(joules()).toBeUndefined();
});
