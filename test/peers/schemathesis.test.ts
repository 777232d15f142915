import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import { PYTHON } from '../python.js';
import { tinyBundle } from '../tiny-bundle.js';

const SCHEMATHESIS = join(dirname(PYTHON ?? ''), 'schemathesis');
const isThere = PYTHON !== undefined && existsSync(SCHEMATHESIS);
if (!isThere) console.warn('schemathesis is skipped: node scripts/make-test-python.js installs it');

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-schemathesis-'));
let app: EdgeServer;
let url: string;

beforeAll(async () => {
  await tinyBundle(join(folder, 'bundle')).then(async (bundle) => {
    app = await createEdgeServer(bundle);
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});

afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

// Names, datatypes and shapes of tensors depend on the model, so a valid request can still not fit one (400).
const EXCEPT = 'positive_data_acceptance';

it.skipIf(!isThere)('the edge server answers as its OpenAPI document says', async () => {
  const args = ['run', `${url}/openapi.json`, '--max-examples', '20', '--seed', '1', '--no-color'];
  const run = promisify(execFile)(SCHEMATHESIS, [...args, '--exclude-checks', EXCEPT], { cwd: folder });
  const { stdout } = await run.catch((thrown) => thrown as { stdout: string });
  expect(stdout).toMatch(/Tested: 11/);
  expect(stdout).not.toMatch(/FAILURES|ERRORS/);
});
