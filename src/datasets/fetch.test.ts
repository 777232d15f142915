import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { tarGz, tinyCifar } from '../../test/tiny-cifar.js';
import { tinyDataset, writeFiles } from '../../test/tiny-dataset.js';
import { UserError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { catalogEntry } from './catalog.js';
import { fetchDataset } from './fetch.js';

const source = mkdtempSync(join(tmpdir(), 'lcdnn-source-'));
let server: Server;
let tiny: ReturnType<typeof tinyDataset>;
let asked: string[] = [];
let root: string;
let env: NodeJS.ProcessEnv;
let cached: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(readFileSync(join(source, request.url ?? '')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  tiny = tinyDataset([`http://127.0.0.1:${(server.address() as AddressInfo).port}/`]);
  writeFiles(source, tiny.entry, tiny.contents, true);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lcdnn-fetch-'));
  env = { XDG_CACHE_HOME: root };
  cached = join(root, 'lcdnn', 'tiny');
  asked = [];
});

it('downloads what is not here into the cache, once', async () => {
  const last = new Map<string, boolean>();
  const first = await fetchDataset(tiny.entry, {
    env,
    onProgress: ({ file, received, total }) => last.set(file, received === total),
  });
  expect(first.location).toMatchObject({ origin: 'cache', folder: cached });
  expect(first.downloaded).toHaveLength(4);
  expect([...last.values()]).toEqual([true, true, true, true]);
  expect(readdirSync(cached)).toHaveLength(4);
  expect((await fetchDataset(tiny.entry, { env })).downloaded).toEqual([]);
  expect(asked).toHaveLength(4);
  expect((await fetchDataset(tiny.entry, { env, force: true })).downloaded).toHaveLength(4);
});

it('downloads only what is absent or wrong', async () => {
  writeFiles(cached, tiny.entry, tiny.contents, true);
  writeFileSync(join(cached, 't10k-labels-idx1-ubyte.gz'), 'wrong');
  rmSync(join(cached, 'train-images-idx3-ubyte.gz'));
  const { downloaded } = await fetchDataset(tiny.entry, { env });
  expect(downloaded.map((path) => path.slice(cached.length))).toEqual([
    '/train-images-idx3-ubyte.gz',
    '/t10k-labels-idx1-ubyte.gz',
  ]);
});

it('downloads an archive as it is', async () => {
  const cifar = tinyCifar(1, [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`]);
  const archive = await tarGz(cifar.contents);
  const { name } = cifar.entry.archive;
  writeFileSync(join(source, name), archive);
  const facts = { ...cifar.entry.archive, bytes: archive.length, sha256: sha256(archive) };
  const { location, downloaded } = await fetchDataset({ ...cifar.entry, archive: facts }, { env });
  expect(location).toMatchObject({ origin: 'cache', archive: join(root, 'lcdnn', 'tiny-cifar', name) });
  expect(downloaded).toEqual([location.archive]);
  expect((await fetchDataset(cifar.entry, { env })).downloaded).toEqual([]);
  writeFileSync(location.archive!, archive.subarray(0, 100));
  expect((await fetchDataset({ ...cifar.entry, archive: facts }, { env })).downloaded).toEqual([location.archive]);
});

it('goes to --data-dir', async () => {
  const dataDir = join(root, 'data');
  const { location } = await fetchDataset(tiny.entry, { dataDir, env });
  expect(location).toMatchObject({ origin: '--data-dir', folder: join(dataDir, 'tiny') });
});

it('does not download behind the back of a wrong LCDNN_DATA', async () => {
  writeFiles(join(root, 'tiny'), tiny.entry, { ...tiny.contents, testImages: Buffer.from('x') }, true);
  const fetching = fetchDataset(tiny.entry, { env: { ...env, LCDNN_DATA: root } });
  await expect(fetching).rejects.toThrow(UserError);
  await expect(fetching).rejects.toThrow(/t10k-images-idx3-ubyte.gz: .*LCDNN_DATA names this folder/);
  expect(asked).toEqual([]);
});

it('says in one line where to put which files when no source answers', async () => {
  const { entry } = tinyDataset(['http://127.0.0.1:1/']);
  const fetching = fetchDataset(entry, { env });
  await expect(fetching).rejects.toThrow(UserError);
  await expect(fetching).rejects.toThrow(
    `tiny is not here and could not be downloaded; put train-images-idx3-ubyte, train-labels-idx1-ubyte, ` +
      `t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each with .gz, .xz or without) into ${cached}, ` +
      'or name their folder with --data-dir or LCDNN_DATA (127.0.0.1:1: ',
  );
});

it('says that the sample is not to be downloaded', async () => {
  const fetching = fetchDataset(catalogEntry('fashion-mnist-sample'), { dataDir: root, env });
  await expect(fetching).rejects.toThrow(/comes with lcdnn and can't be downloaded/);
});
