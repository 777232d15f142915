import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folder, LCDNN } from '../faults/cli.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/best-of-three.mjs', import.meta.url));

it('the example trains three recipes and exports the best one', () => {
  const [, program] = LCDNN;
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(dirname(dirname(program)), join(folder, 'node_modules/lcdnn'));
  cpSync(EXAMPLE, join(folder, 'best-of-three.mjs'));
  const args = ['best-of-three.mjs', 'tiny', '1'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const accuracies = [...stdout.matchAll(/^(\w+): ([\d.]+) on validation/gm)].map(([, name, value]) => ({
    name,
    value,
  }));
  expect(accuracies.map(({ name }) => name)).toEqual(['plain', 'learned', 'wide']);
  const highest = accuracies.reduce((best, one) => (Number(one.value) > Number(best.value) ? one : best));
  expect(stdout).toMatch(new RegExp(`^best: ${highest.name}, `, 'm'));
  expect(existsSync(join(folder, 'bundle/manifest.json'))).toBe(true);
});
