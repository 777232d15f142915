import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { listen } from '../../src/edge/listen.js';
import { openTail, type Tail } from '../../src/edge/tail.js';
import { createGateway } from '../../src/gateway/gateway.js';
import { parseServers } from '../../src/gateway/parse-servers.js';
import { RULES } from '../../src/scheduling/policies/index.js';
import { tinyBundle, tinyImages } from '../tiny-bundle.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = 60_000;

/** A Python with a model server, made by `node scripts/make-model-servers.js`. */
function pythonWith(name: string): string | undefined {
  const path =
    process.env[`LCDNN_${name.toUpperCase()}_PYTHON`] ?? join(root, `node_modules/.cache/python-${name}/bin/python`);
  if (existsSync(path)) return path;
  console.warn(`${name} is skipped: node scripts/make-model-servers.js installs it`);
  return undefined;
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-servers-'));
const bundleFolder = join(folder, 'bundle');
const children: ChildProcess[] = [];
let bundle: Bundle;
let tail: Tail;

beforeAll(async () => {
  bundle = await tinyBundle(bundleFolder);
  tail = await openTail(bundle);
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a program and waits until the model is ready. @returns its address */
async function started(program: string, args: readonly string[], port: number, cwd: string): Promise<string> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const ready = `${url}/v2/models/${bundle.manifest.name}/ready`;
  for (const end = performance.now() + START_MS; performance.now() < end; ) {
    if (child.exitCode !== null) break;
    if ((await fetch(ready).catch(() => undefined))?.ok) return url;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`expected a model server at ${url}, found: ${output}`);
}

const tailFile = (): string => join(bundleFolder, bundle.manifest.tail.file);

async function startKserve(python: string): Promise<string> {
  const port = await freePort();
  const script = join(root, 'examples/kserve/tail.py');
  return started(python, [script, bundle.manifest.name, tailFile(), `${port}`], port, folder);
}

const SERVERS = [['kserve', startKserve]] as const;

describe.each(SERVERS)('the tail in %s', (name, start) => {
  const python = pythonWith(name);

  it.skipIf(python === undefined)(
    'gives pages the answers of lcdnn serve, directly and through the gateway',
    async () => {
      const url = await start(python!);
      const loader = await importLoader(bundleFolder, bundle.manifest);
      const load = (edge: Parameters<typeof loader.load>[1] & object) =>
        loader.load(pathToFileURL(`${bundleFolder}/`), { tau: 0, timeoutMs: 20_000, ...edge });
      const gateway = await createGateway({
        servers: parseServers([url], '4'),
        policy: RULES['least-loaded']({ eta: 0.05 }),
        log: 'silent',
      });
      const gatewayUrl = await listen(gateway, { host: '127.0.0.1', port: 0 });
      const local = await load({ edge: (tensor) => tail.infer(tensor, 1) });
      for (const edge of [url, gatewayUrl]) {
        const remote = await load({ edge });
        for (const image of tinyImages(2)) {
          const { by, probabilities, edgeError } = await remote.classify(image);
          expect([edge, by, edgeError]).toEqual([edge, 'edge', undefined]);
          const expected = (await local.classify(image)).probabilities;
          probabilities.forEach((value, i) => {
            expect(value).toBeCloseTo(expected[i], 5); // another version of ONNX Runtime
          });
        }
      }
      await gateway.drain(0);
    },
  );
});
