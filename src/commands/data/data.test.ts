import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { idxEntry } from '../../../test/tiny-dataset.js';
import { PACKAGE_DATASETS } from '../../datasets/catalog.js';
import { ROLES } from '../../datasets/formats/idx.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cache = mkdtempSync(join(tmpdir(), 'lcdnn-cache-'));
const sample = join(PACKAGE_DATASETS, 'fashion-mnist-sample');

/** Runs `lcdnn data ...` as a user would, with an empty cache. */
function data(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, XDG_CACHE_HOME: cache, LCDNN_DATA: '', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, ['bin/run.js', 'data', ...args], { cwd: root, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

describe('data list', () => {
  it('says what there is and where', async () => {
    const { code, stdout } = await data('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +IMAGES +SHAPE +CLASSES +LICENCE +WHERE\n/);
    expect(stdout).toMatch(/\nmnist +60,000 \+ 10,000 +28x28x1 +10 +CC BY-SA 3\.0 +not here\n/);
    expect(stdout).toContain(`${sample} (built in)`);
  });

  it('says it as JSON', async () => {
    const { stdout } = await data('list', '--json');
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({
        name: 'fashion-mnist-sample',
        images: { train: 6000, test: 1000 },
        found: { origin: 'built in', folder: sample },
      }),
    );
  });
});

describe('data fetch', () => {
  it('finds what is here', async () => {
    const { code, stdout } = await data('fetch', 'fashion-mnist-sample');
    expect([code, stdout]).toEqual([
      0,
      `fashion-mnist-sample: already here (built in), checksums verified: ${sample}\n`,
    ]);
  });

  it('knows its data sets', async () => {
    const { code, stdout, stderr } = await data('fetch', 'minst');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: no data set is called "minst"; did you mean mnist\?.*\n$/);
  });
});

describe('data verify', () => {
  it('passes what is right', async () => {
    const { code, stdout } = await data('verify', 'fashion-mnist-sample', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).verified).toHaveLength(4);
  });

  it('names the file that is wrong', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lcdnn-verify-'));
    const entry = idxEntry('fashion-mnist-sample');
    for (const role of ROLES) {
      const content = gunzipSync(readFileSync(join(sample, `${entry.files[role].name}.gz`)));
      if (role === 'testImages') content[100] ^= 1;
      writeFileSync(join(dataDir, entry.files[role].name), content);
    }
    const { code, stdout, stderr } = await data('verify', 'fashion-mnist-sample', '--data-dir', dataDir);
    expect(code).toBe(2);
    expect(stdout.match(/^right /gm)).toHaveLength(3);
    expect(stdout).toContain(`WRONG  fashion-mnist-sample  ${dataDir}/t10k-images-idx3-ubyte\n`);
    expect(stderr).toMatch(/^error: .*t10k-images-idx3-ubyte: expected content with SHA-256 .*\n$/);
  });

  it('says that a data set is not here', async () => {
    const { code, stderr } = await data('verify', 'mnist');
    expect([code, stderr]).toEqual([2, 'error: mnist is not here; `lcdnn data fetch mnist` downloads it\n']);
  });
});
