import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inferRequest } from '../../test/infer-request.js';
import { tinyBundle } from '../../test/tiny-bundle.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { createGateway } from '../gateway/gateway.js';
import { RULES } from '../scheduling/policies/index.js';
import { listen } from './listen.js';
import { createEdgeServer } from './server.js';
import { startTracing, type Tracing } from './tracing.js';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: { readonly key: string; readonly value: Record<string, unknown> }[];
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-tracing-'));
const spans: Span[] = [];
let collector: Server;
let bundle: Bundle;
const environment = { ...process.env };

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  collector = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const { resourceSpans = [] } = JSON.parse(String(Buffer.concat(parts)));
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
  });
});
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  Object.assign(process.env, environment);
  await new Promise((resolve) => collector?.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

it('one slow answer can be followed through gateway and server', async () => {
  const tracing = startTracing('lcdnn');
  // Both servers are in this process, where the SDK can be started once.
  const shared: Tracing = { ...tracing, close: async () => {} };
  const edge = await createEdgeServer(bundle, { threads: 1, log: 'silent', tracing: shared });
  const origin = await listen(edge, { host: '127.0.0.1', port: 0 });
  const gateway = await createGateway({
    servers: [{ origin, capacity: 4 }],
    policy: RULES['least-loaded']({ eta: 0.05 }),
    log: 'silent',
    tracing: shared,
  });
  const url = await listen(gateway, { host: '127.0.0.1', port: 0 });
  const length = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  const { method, headers, body } = inferRequest(bundle.manifest, new Float32Array(length).fill(0.5));
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const send = (path: string) =>
    fetch(`${url}${path}`, { method, headers: { ...headers, traceparent }, body }).then(async (reply) => {
      await reply.arrayBuffer();
      return reply.status;
    });
  expect(await send('/v2/models/tiny/infer')).toBe(200);
  expect(await send('/v2/models/other/infer')).toBe(404);
  await gateway.close();
  await edge.close();
  await tracing.close();

  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const statusOf = ({ attributes }: Span) => attributes.find(({ key }) => key === 'http.response.status_code')?.value;
  const [forward, failed] = spans
    .filter(({ name }) => name === 'forward')
    .sort((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1));
  expect([forward.parentSpanId, statusOf(forward), statusOf(failed)]).toEqual([
    'b7ad6b7169203331',
    { intValue: 200 },
    { intValue: 404 },
  ]);
  const childrenOf = (parent: Span) => spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  expect(
    childrenOf(forward)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['attempt', 'infer', 'read', 'wait']);
  const infer = childrenOf(forward).find(({ name }) => name === 'infer')!;
  const steps = childrenOf(infer);
  expect(steps.map(({ name }) => name).sort()).toEqual(['parse', 'queue', 'read', 'run', 'write']);
  for (const { startTimeUnixNano, endTimeUnixNano } of spans)
    expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
  const seconds = Number(forward.startTimeUnixNano.slice(0, 10));
  expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(600);
});

it('an SDK that is missing is named', () => {
  const missing = () => {
    throw Object.assign(new Error('not found'), { code: 'MODULE_NOT_FOUND' });
  };
  expect(() => startTracing('lcdnn', missing)).toThrow(
    /--otel: expected the package @opentelemetry\/sdk-node, found none/,
  );
});
