import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clearCache, listCache } from './cache.js';

let root: string;
const env = () => ({ XDG_CACHE_HOME: root });
const put = (name: string, bytes: number, used: string): void => {
  const path = join(root, 'lcdnn', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.alloc(bytes));
  utimesSync(path, new Date(used), new Date(used));
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lcdnn-cache-'));
  put('mnist/images.gz', 300, '2026-01-03');
  put('mnist/labels.gz', 100, '2026-01-01');
  put('images/a.packed', 500, '2026-01-02');
  put('images/b.jsonl', 50, '2026-01-04');
  put('images/c.packed.1.tmp', 70, '2026-01-01');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('lists data sets, packed images and checks with sizes and last use, but no unfinished files', () => {
  const { folder, entries } = listCache({ env: env() });
  expect(folder).toBe(join(root, 'lcdnn'));
  expect(entries.map(({ name, kind, bytes, used }) => [name, kind, bytes, used.slice(0, 10)])).toEqual([
    ['mnist', 'files', 400, '2026-01-03'],
    ['images/a.packed', 'packed images', 500, '2026-01-02'],
    ['images/b.jsonl', 'image checks', 50, '2026-01-04'],
  ]);
});

it('removes what was used longest ago until the rest fits', () => {
  expect(clearCache({ env: env(), maxBytes: 460 }).map(({ name }) => name)).toEqual(['images/a.packed']);
  expect(clearCache({ env: env(), maxBytes: 460 })).toEqual([]);
  expect(existsSync(join(root, 'lcdnn/mnist/labels.gz'))).toBe(true);
});

it('without a limit removes everything but the unfinished files of other processes', () => {
  expect(clearCache({ env: env() })).toHaveLength(3);
  expect(readdirSync(join(root, 'lcdnn'), { recursive: true }).sort()).toEqual(['images', 'images/c.packed.1.tmp']);
  expect(clearCache({ env: { XDG_CACHE_HOME: join(root, 'nowhere') } })).toEqual([]);
});
