import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRun } from './lock.js';

describe('the lock of a run', () => {
  let run: { path: string };
  let lock: string;
  beforeEach(() => {
    run = { path: mkdtempSync(join(tmpdir(), 'lcdnn-lock-')) };
    lock = join(run.path, 'train.lock');
  });
  afterEach(() => rmSync(run.path, { recursive: true }));

  it('is taken, and given back', () => {
    const unlock = lockRun(run);
    expect(existsSync(lock)).toBe(true);
    unlock();
    expect(existsSync(lock)).toBe(false);
  });

  it.each([
    ['a process of this machine', { pid: process.ppid, host: hostname() }],
    ['a process of another machine', { pid: 4_000_000, host: 'another-machine' }],
  ])('is left to %s', (_, holder) => {
    writeFileSync(lock, JSON.stringify(holder));
    expect(() => lockRun(run)).toThrow(`process ${holder.pid} on ${holder.host} is training this run; stop it`);
    expect(existsSync(lock)).toBe(true);
  });

  it.each([
    ['a process that is gone', JSON.stringify({ pid: 4_194_305, host: hostname() })], // above Linux's largest
    ['an earlier process of the same number', JSON.stringify({ pid: process.pid, host: hostname() })],
    ['a process killed while it wrote it', '{"pid":'],
  ])('is taken over from %s', (_, content) => {
    writeFileSync(lock, content);
    lockRun(run)();
    expect(existsSync(lock)).toBe(false);
  });
});
