import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { newRunConfig } from '../api/new-run.js';
import { sha256 } from '../base/hash.js';
import { networkOf } from '../run/run-directory.js';
import { startState } from '../train/warm-start/warm-start.js';
import { licenceNotice, type PretrainedModel, parseModels, pretrainedModel, pretrainedModels } from './catalog.js';
import { fetchModel, startFile } from './model-file.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-models-'));
const env = { XDG_CACHE_HOME: folder };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('EfficientNet-Lite0 comes with the package, whole, with its licence', async () => {
  const model = pretrainedModel('efficientnet-lite0');
  expect(await fetchModel(model, { env })).toMatchObject({ origin: 'built in', downloaded: false });
  expect(licenceNotice(model)).toMatch(/TensorFlow TPU repository[\s\S]*Apache License\s+Version 2\.0/);
  expect(startFile('efficientnet-lite0', env)).toMatch(/efficientnet-lite0\.f16\.safetensors$/);
  expect(startFile('runs/x.onnx', env)).toBe('runs/x.onnx');
});

it('a name that is unknown gets a suggestion', () => {
  expect(() => pretrainedModel('efficientnet-lite')).toThrow(/did you mean efficientnet-lite0\?/);
});

it('a network that is not in the package is downloaded into the cache, or the error says where to put it', async () => {
  const content = Buffer.from('weights');
  const server = createServer((_, response) => response.end(content)).listen(0);
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const [{ name: _, ...builtIn }] = pretrainedModels();
  const entry = { ...builtIn, file: 'other/other.onnx', bytes: content.length, sha256: sha256(content) };
  const [other] = parseModels({ other: { ...entry, sources: [source] } }) as [PretrainedModel];
  await expect(fetchModel({ ...other, sources: [] }, { env })).rejects.toThrow(/put its file into .*models\/other/);
  const fetched = await fetchModel(other, { env });
  expect(fetched).toEqual({ path: join(folder, 'lcdnn/models/other/other.onnx'), origin: 'cache', downloaded: true });
  writeFileSync(fetched.path, 'something else');
  await expect(fetchModel(other, { env })).rejects.toThrow(/expected SHA-256 [0-9a-f]{64}, found/);
  server.close();
});

it('photographs start from it by default: everything but the last layer, which is new, with its normalisation', () => {
  const config = newRunConfig({ options: { dataset: 'folder' } });
  expect(config).toMatchObject({
    network: 'tf-efficientnet-lite0',
    initFrom: 'efficientnet-lite0',
    mean: [0.5],
    views: 24,
  });
  // The file's last layer has 1000 classes as well, but they aren't the user's.
  const { warmStart } = startState(config, networkOf(config, [224, 224, 3], 1000));
  expect(warmStart).toMatchObject({ missing: ['full.fc'], leftOver: [] });
});

it.each([
  ['small pictures', { dataset: 'folder', imageSize: 32 }],
  ['digits', { dataset: 'mnist' }],
])('%s keep their recipe', (_, options) => {
  expect(newRunConfig({ options })).toMatchObject({ network: 'lenet', views: 0 });
});
