import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { inferRequest, readAnswer } from '../../test/infer-request.js';
import { tinyBundle } from '../../test/tiny-bundle.js';
import { random } from '../base/random.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { listen } from '../edge/listen.js';
import { createEdgeServer, type EdgeServer } from '../edge/server.js';
import { RULES } from '../scheduling/policies/index.js';
import { createGateway, type Gateway } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-gateway-'));
const ANY = { host: '127.0.0.1', port: 0 };
let bundle: Bundle;
let edges: EdgeServer[];
let origins: string[];
let gateway: Gateway;
let url: string;

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  edges = await Promise.all([0, 1].map(() => createEdgeServer(bundle, { token: 'secret', threads: 1 })));
  origins = await Promise.all(edges.map((edge) => listen(edge, ANY)));
  const servers = origins.map((origin) => ({ origin, capacity: 4 }));
  const policy = RULES['least-loaded']({ eta: 0.05 });
  gateway = await createGateway({ servers, policy, token: 'secret', reportEveryMs: 20, healthEveryMs: 50 });
  url = await listen(gateway, ANY);
});

afterAll(async () => {
  await gateway?.close();
  await Promise.all((edges ?? []).map((edge) => edge.close()));
  rmSync(folder, { recursive: true, force: true });
});

function ask(server: string, seed: number) {
  const size = bundle.manifest.tail.shape.reduce((all, length) => all * length, 1);
  const values = Float32Array.from({ length: size }, random(seed));
  const { headers, ...rest } = inferRequest(bundle.manifest, values);
  const authorization = { authorization: 'Bearer secret' };
  return fetch(`${server}/v2/models/tiny/infer`, { ...rest, headers: { ...headers, ...authorization } }).then(
    async (reply) => {
      expect(reply.status).toBe(200);
      return readAnswer(reply.headers.get('inference-header-content-length'), await reply.arrayBuffer()).logits;
    },
  );
}

/** Everyone gets the answer to what they asked, and no other's. */
async function expectRightAnswers(count: number): Promise<void> {
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  const found = await Promise.all(seeds.map((seed) => ask(url, seed)));
  const alone = await Promise.all(seeds.map((seed) => ask(origins[1], seed)));
  found.forEach((logits, i) => {
    logits.forEach((logit, j) => {
      expect(logit).toBeCloseTo(alone[i][j], 4);
    });
  });
}

it('answers as the servers do, and hears from them of their load and speed', async () => {
  await expectRightAnswers(60);
  await vi.waitFor(
    () => {
      expect(gateway.upstreams.map(({ imagesPerSecond }) => imagesPerSecond > 0)).toEqual([true, true]);
      expect(gateway.upstreams.map(({ reportFault }) => reportFault)).toEqual([undefined, undefined]);
    },
    { timeout: 20_000 },
  );
});

it('goes on with one of them', async () => {
  await edges[0].close();
  await expectRightAnswers(30);
  await vi.waitFor(() => expect(gateway.upstreams.map(({ up }) => up)).toEqual([false, true]), { timeout: 20_000 });
});
