import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { tinyDataset, writeFiles } from '../../test/tiny-dataset.js';
import { catalogEntry } from './catalog.js';
import { cacheFolder, findDataset } from './locations.js';

const { entry, contents } = tinyDataset();
let root: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lcdnn-locations-'));
  env = { XDG_CACHE_HOME: join(root, 'xdg'), LCDNN_DATA: join(root, 'named') };
});

it('looks in --data-dir, LCDNN_DATA, the cache, in this order', async () => {
  const dataDir = join(root, 'dir');
  writeFiles(join(dataDir, 'tiny'), entry, contents, true);
  writeFiles(join(root, 'named', 'tiny'), entry, contents, true);
  writeFiles(join(root, 'xdg', 'lcdnn', 'tiny'), entry, contents, true);
  expect(await findDataset(entry, { dataDir, env })).toMatchObject({
    origin: '--data-dir',
    folder: join(dataDir, 'tiny'),
  });
  expect(await findDataset(entry, { env })).toMatchObject({
    origin: 'LCDNN_DATA',
    folder: join(root, 'named', 'tiny'),
  });
  rmSync(join(root, 'named', 'tiny', 't10k-labels-idx1-ubyte.gz')); // one file is missing, so the data set isn't here
  expect(await findDataset(entry, { env })).toMatchObject({ origin: 'cache' });
  rmSync(join(root, 'xdg'), { recursive: true });
  expect(await findDataset(entry, { env })).toBeUndefined();
});

it('looks nowhere else than in a --data-dir', async () => {
  writeFiles(join(root, 'named', 'tiny'), entry, contents, true);
  mkdirSync(join(root, 'empty'));
  expect(await findDataset(entry, { dataDir: join(root, 'empty'), env })).toBeUndefined();
});

it.each([true, false])('finds files directly in a folder (gzipped: %s)', async (gzip) => {
  writeFiles(join(root, 'named'), entry, contents, gzip);
  const location = await findDataset(entry, { env });
  expect(location?.files['train-images-idx3-ubyte']).toBe(
    join(root, 'named', `train-images-idx3-ubyte${gzip ? '.gz' : ''}`),
  );
});

it("passes a folder by that directly holds another data set's files of the same names", async () => {
  writeFiles(join(root, 'named'), entry, contents, true);
  const location = await findDataset(catalogEntry('fashion-mnist-sample'), { env });
  expect(location?.origin).toBe('built in');
});

it('keeps downloads where XDG says, if that is an absolute path', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/lcdnn');
  expect(cacheFolder({ XDG_CACHE_HOME: 'x' })).toMatch(/\/\.cache\/lcdnn$/);
});
