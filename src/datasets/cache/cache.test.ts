import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { listCache } from './entries.js';
import { unfinishedName, useEntry } from './in-use.js';
import { cacheLimit, clearCache, makeRoom } from './make-room.js';

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
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

it('lists every entry with size and last use, but not what a process is writing', () => {
  put('features/d.f32', 20, '2026-01-05');
  put('models/net/net.onnx', 10, '2026-01-06');
  put('notes.txt', 1, '2026-01-06');
  const { folder, entries } = listCache({ env: env() });
  expect(folder).toBe(join(root, 'lcdnn'));
  expect(entries.map(({ name, kind, bytes, used }) => [name, kind, bytes, used.slice(0, 10)])).toEqual([
    ['mnist', 'data set', 400, '2026-01-03'],
    ['notes.txt', 'files', 1, '2026-01-06'],
    ['features/d.f32', 'features', 20, '2026-01-05'],
    ['images/a.packed', 'packed images', 500, '2026-01-02'],
    ['images/b.jsonl', 'image checks', 50, '2026-01-04'],
    ['models/net', 'model', 10, '2026-01-06'],
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

it('makes room by removing what was used longest ago, never what is in use or unknown', () => {
  const folder = join(root, 'lcdnn');
  put('features/d.f32', 20, '2025-01-01');
  put('unknown/file', 20, '2025-01-01');
  vi.stubEnv('LCDNN_CACHE_LIMIT', '700');
  const release = useEntry(folder, 'features/d.f32');
  makeRoom(folder, 100, 'a test', '');
  expect(listCache({ env: env() }).entries.map(({ name, inUse }) => [name, inUse])).toEqual([
    ['mnist', false],
    ['unknown', false],
    ['features/d.f32', true],
    ['images/b.jsonl', false],
  ]);
  // Its last use is now, so the others go first.
  release();
  makeRoom(folder, 600, 'a test', '');
  expect(existsSync(join(folder, 'features/d.f32'))).toBe(true);
  makeRoom(folder, 700, 'a test', '');
  expect(listCache({ env: env() }).entries.map(({ name }) => name)).toEqual(['unknown']);
  expect(() => makeRoom(folder, 701, 'decoded images', 'leave --cache out')).toThrow(
    /expected at most 700 B in the cache, found 701 B of decoded images; set LCDNN_CACHE_LIMIT .*, or leave --cache out/,
  );
});

it('an entry that a process of this machine or of another uses stays; one whose process has ended goes', () => {
  const folder = join(root, 'lcdnn');
  const release = useEntry(folder, 'mnist');
  const [mark] = readdirSync(join(folder, '.in-use'));
  const [key, host] = mark.split('.');
  const usedBy = (process: string) => {
    rmSync(join(folder, '.in-use'), { recursive: true });
    put(`.in-use/${key}.${process}`, 0, new Date().toISOString());
    return listCache({ env: env() }).entries[0].inUse;
  };
  expect(usedBy(`${host}.${process.ppid}`)).toBe(true);
  expect(usedBy(`${host}.4194305`)).toBe(false); // above Linux's largest
  expect(usedBy('12345678.4194305')).toBe(true);
  expect(clearCache({ env: env() }).map(({ name }) => name)).not.toContain('mnist');
  put(`.in-use/${key}.12345678.4194305`, 0, '2026-01-01');
  expect(clearCache({ env: env() }).map(({ name }) => name)).toEqual(['mnist']);
  release();
});

it('counts what a process is writing, and the changed time of an entry stays when it is used', () => {
  const folder = join(root, 'lcdnn');
  put(unfinishedName('images/d.packed', 'tmp'), 400, '2026-01-01');
  vi.stubEnv('LCDNN_CACHE_LIMIT', '1KB');
  makeRoom(folder, 100, 'a test', '');
  expect(existsSync(join(folder, 'images/a.packed'))).toBe(false);
  useEntry(folder, 'images/b.jsonl')();
  expect(statSync(join(folder, 'images/b.jsonl')).mtime).toEqual(new Date('2026-01-04'));
});

it('the limit is a size or "none"', () => {
  expect([undefined, '', '500MB', '1.5TB', 'none'].map((limit) => cacheLimit({ LCDNN_CACHE_LIMIT: limit }))).toEqual([
    20e9,
    20e9,
    500e6,
    1.5e12,
    Number.POSITIVE_INFINITY,
  ]);
  expect(() => cacheLimit({ LCDNN_CACHE_LIMIT: 'much' })).toThrow(/expected a size, as 500MB .* or "none", found much/);
});
