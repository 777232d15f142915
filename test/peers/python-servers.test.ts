import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { listen } from '../../src/edge/listen.js';
import { openTail, type Tail } from '../../src/edge/tail.js';
import { createGateway } from '../../src/gateway/gateway.js';
import { freePort } from '../../src/gateway/haproxy/start-haproxy.js';
import { parseServers } from '../../src/gateway/parse-servers.js';
import { RULES } from '../../src/scheduling/policies/index.js';
import { tinyBundle, tinyImages } from '../tiny-bundle.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = 60_000;

const SERVERS = ['kserve', 'pytriton'] as const;
type Server = (typeof SERVERS)[number];
/** A Python with the server, made by `node scripts/make-python-peer.js SERVER`. */
const pythonWith = (server: Server): string => join(root, `node_modules/.cache/python-${server}/bin/python`);
const isThere = (server: Server): boolean => existsSync(pythonWith(server));
for (const server of SERVERS) {
  if (!isThere(server)) console.warn(`${server} is skipped: node scripts/make-python-peer.js ${server} installs it`);
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
  for (const { pid } of children) {
    try {
      process.kill(-pid!, 'SIGKILL'); // PyTriton's server is a process of its own
    } catch {} // it has ended
  }
  await tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the example, and waits until the model is ready. @returns its address */
async function start(server: Server): Promise<string> {
  const port = await freePort('127.0.0.1');
  const { name, tail } = bundle.manifest;
  const args = [join(root, 'examples', server, 'tail.py'), name, join(bundleFolder, tail.file), `${port}`];
  const child = spawn(pythonWith(server), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const url = `http://127.0.0.1:${port}`;
  for (const end = performance.now() + START_MS; performance.now() < end && child.exitCode === null; ) {
    if ((await fetch(`${url}/v2/models/${name}/ready`).catch(() => undefined))?.ok) return url;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`expected ${server} at ${url}, found: ${output}`);
}

describe.each(SERVERS)('%s', (server) => {
  it.skipIf(!isThere(server))('gives the answers of lcdnn serve, directly and through the gateway', async () => {
    const url = await start(server);
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
  });
});
