import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { random } from '../../src/base/random.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import { openTail } from '../../src/edge/tail.js';
import { PYTHON } from '../python.js';
import { tinyBundle } from '../tiny-bundle.js';

/** A v2 client that others wrote, if it is there. */
const hasClient = (() => {
  try {
    execFileSync(PYTHON ?? '', ['-c', 'import tritonclient.http'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('the edge server is not asked by tritonclient: node scripts/make-test-python.js installs it');
    return false;
  }
})();

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-triton-'));
let bundle: Bundle;
let app: EdgeServer;
let url: string;

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  app = await createEdgeServer(bundle);
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});

afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

it.skipIf(!hasClient)('tritonclient asks the edge server as it asks any other', async () => {
  const { name, version, tail } = bundle.manifest;
  const values = Float32Array.from({ length: tail.shape.reduce((all, length) => all * length, 1) }, random(3));
  const path = join(folder, 'values');
  writeFileSync(path, values);
  const script = fileURLToPath(new URL('ask_v2.py', import.meta.url));
  const args = [script, new URL(url).host, name, version, path];
  const { stdout } = await promisify(execFile)(PYTHON!, args);
  const metadata = {
    name,
    versions: [version],
    platform: 'onnx_onnxv1',
    inputs: [{ name: tail.input, datatype: 'FP32', shape: [-1, ...tail.shape] }],
    outputs: [{ name: tail.output, datatype: 'FP32', shape: [-1, 3] }],
  };
  const opened = await openTail(bundle);
  const logits = Array.from(await opened.infer(values, 1));
  await opened.close();
  expect(JSON.parse(stdout)).toEqual({
    live: true,
    ready: true,
    model_ready: [true, true, false],
    server: { name: 'lcdnn', version, extensions: ['binary_tensor_data'] },
    metadata: [metadata, metadata],
    answers: [logits, logits, logits],
    refusal: expect.stringContaining(`no version 0 of ${name} here`),
  });
});
