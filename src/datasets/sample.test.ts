import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { catalogEntry } from './catalog.js';
import { locationIn } from './locations.js';
import { verifyFiles } from './verify.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Without Debian's package the sample can't be rebuilt; its checksums are always tested.
it.runIf(existsSync('/usr/share/datasets/fashion-mnist'))('the sample is what its script cuts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-sample-'));
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/make-fashion-mnist-sample.ts', folder], { cwd: root });
  const entry = catalogEntry('fashion-mnist-sample');
  const checks = await verifyFiles(entry, locationIn(folder, entry, 'built in')!);
  expect(checks.map((check) => check.fault)).toEqual([undefined, undefined, undefined, undefined]);
});
