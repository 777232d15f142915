import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { toHalf } from '../../src/base/half.js';
import { random } from '../../src/base/random.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { modelRepository } from '../../src/codegen/model-repository.js';
import { openTail } from '../../src/edge/tail.js';
import { deployedState } from '../../src/network/deployed.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { initialState } from '../../src/train/initial-state.js';
import { zooDraft, zooEncoding } from '../zoo-bundle.js';

/** OpenVINO, made by `node scripts/make-python-peer.js openvino`, as a second engine for the tail. */
const PYTHON =
  process.env['LCDNN_OPENVINO_PYTHON'] ??
  fileURLToPath(new URL('../../node_modules/.cache/python-openvino/bin/python', import.meta.url));
const SCRIPT = fileURLToPath(new URL('run_openvino.py', import.meta.url));
const isThere = existsSync(PYTHON);
if (!isThere) console.warn('OpenVINO is skipped: node scripts/make-python-peer.js openvino installs it');

const BATCH = 4;
const VALUES = {
  f32: (length: number, next: () => number) => Float32Array.from({ length }, next),
  f16: (length: number, next: () => number) => Uint16Array.from({ length }, () => toHalf(next())),
  u8: (length: number, next: () => number) => Uint8Array.from({ length }, () => 256 * next()),
};
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-openvino-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!isThere)('OpenVINO gives the logits of ONNX Runtime', () => {
  it.each([
    ['lenet', 'f32', 'float32'],
    ['resnet18', 'u8', 'uint8'],
    ['mobilenet-v2', 'f16', 'float16'],
  ] as const)('for the tail of %s, with tensors in %s', async (name, uplink, dtype) => {
    const network = createNetwork(name, name === 'lenet' ? [28, 28, 3] : [32, 32, 3], 10, { width: 0.25 });
    const state = deployedState(network, initialState(network, 'momentum', 1));
    const at = join(folder, `${name}-${uplink}`);
    await writeBundle(at, zooDraft(network, state, 0.5, zooEncoding(network, state, uplink)));
    const bundle = readBundle(at);
    const { tail } = bundle.manifest;
    const repository = modelRepository(bundle.manifest, () => bundle.files.get(tail.file)!);
    const model = join(folder, `${name}.onnx`);
    writeFileSync(model, repository.get(`models/${bundle.manifest.name}/1/model.onnx`)!);
    // What the exported configuration sets.
    const config = JSON.parse(String(repository.get('openvino-model-server.json')));
    const precision: string = config.model_config_list[0].config.plugin_config.INFERENCE_PRECISION_HINT;

    const next = random(5);
    const length = BATCH * tail.shape.reduce((all, size) => all * size, 1);
    const values = VALUES[uplink](length, next);
    const shape = JSON.stringify([BATCH, ...tail.shape]);
    const input = new Uint8Array(values.buffer);
    const output = execFileSync(PYTHON, [SCRIPT, model, dtype, shape, precision], { input });
    const found = new Float32Array(Uint8Array.from(output).buffer);
    const here = await openTail(bundle);
    const expected = await here.infer(values, BATCH);
    await here.close();
    expect(found.length).toBe(expected.length);
    const largest = Math.max(...expected.map(Math.abs));
    found.forEach((logit, i) => {
      expect(Math.abs(logit - expected[i]) / largest).toBeLessThan(1e-4);
    });
  });
});
