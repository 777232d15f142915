import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createLineWriter } from './log.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('writes lines in order', async () => {
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  const writer = createLineWriter(file, () => expect.unreachable());
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i} ü\n`);
  for (const line of lines) writer.write(line);
  await expect.poll(() => readFileSync(path, 'utf8')).toBe(lines.join(''));
  closeSync(file);
});

it('loses lines where there is no room, tells how many, and keeps no more than a little', async () => {
  const file = openSync('/dev/full', 'w');
  let lost = 0;
  const writer = createLineWriter(file, (lines) => {
    lost += lines;
  });
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 3000; i++) writer.write(line);
  // All but the first, which is being written, and the 1024 that wait.
  expect(lost).toBe(3000 - 1 - 1024);
  await expect.poll(() => lost).toBe(3000);
  closeSync(file);
});
