import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { SECURITY_HEADERS } from '../../src/edge/access.js';
import { listen } from '../../src/edge/listen.js';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import { openTail } from '../../src/edge/tail.js';
import { freePort } from '../../src/gateway/haproxy/start-haproxy.js';
import { inferRequest, readAnswer } from '../infer-request.js';
import { tinyBundle } from '../tiny-bundle.js';

/** The configuration in the docs, run by a real Caddy in front of `lcdnn serve`. Only addresses and paths are replaced. */
const PAGE = new URL('../../docs/operate/scaling.md', import.meta.url);
const hasCaddy = spawnSync('caddy', ['version']).status === 0;
if (!hasCaddy) console.warn('caddy is not installed (Debian: apt install caddy): its tests are skipped');

const RATE_LIMIT = 5;
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-caddy-'));
const at = (name: string): string => join(folder, name);
let bundle: Bundle;
let edge: EdgeServer;
let port: number;
let stop: () => Promise<void>;

function replaced(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    if (changed.split(from).length !== 2) throw new Error(`expected ${from} once in the configuration`);
    return changed.replace(from, to);
  }, text);
}

beforeAll(async () => {
  if (!hasCaddy) return;
  const options = { threads: 1, log: 'silent', trustProxy: ['127.0.0.1'], rateLimit: RATE_LIMIT } as const;
  bundle = await tinyBundle(at('bundle'));
  edge = await createEdgeServer(bundle, options);
  const { host } = new URL(await listen(edge, { host: '127.0.0.1', port: 0 }));
  port = await freePort('127.0.0.1');
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at('key.pem'), '-out', at('cert.pem'), '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=edge.example'], { stdio: 'ignore' });
  const [, printed] = /```caddy\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))!;
  const site = replaced(printed, [
    ['edge.example {', `https://:${port} {`],
    ['/etc/ssl/edge.example.pem', at('cert.pem')],
    ['/etc/ssl/edge.example.key', at('key.pem')],
    ['127.0.0.1:8000', host],
  ]);
  writeFileSync(at('Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
  const caddy = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', at('Caddyfile')], {
    env: { ...process.env, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  caddy.stderr.on('data', (text) => {
    output = (output + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => caddy.on('close', () => resolve()));
  stop = () => {
    caddy.kill('SIGKILL');
    return ended;
  };
  await vi.waitFor(
    async () => {
      if (caddy.exitCode !== null) throw new Error(`Caddy has ended: ${output}`);
      await ask('/v2');
    },
    { timeout: 20_000 },
  );
});

afterAll(async () => {
  await stop?.();
  await edge?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  readonly localAddress?: string;
}

function ask(path: string, { method = 'GET', headers = {}, body, localAddress }: Asked = {}) {
  return new Promise<{ status: number; headers: Record<string, string | undefined>; body: Buffer }>(
    (resolve, reject) => {
      const to = { host: '127.0.0.1', port, path, method, headers, localAddress };
      request({ ...to, rejectUnauthorized: false, agent: false }, async (response) => {
        const parts: Buffer[] = [];
        for await (const part of response) parts.push(part);
        const found = response.headers as Record<string, string>;
        resolve({ status: response.statusCode!, headers: found, body: Buffer.concat(parts) });
      })
        .on('error', reject)
        .end(body);
    },
  );
}

describe.skipIf(!hasCaddy)('the Caddy configuration of the docs', () => {
  it('serves pages and /v2 with the security headers, also of errors', async () => {
    for (const [path, status] of [
      ['/lcdnn.js', 200],
      ['/v2', 200],
      ['/v2/models/other', 404],
      ['/nothing', 404],
    ] as const) {
      const reply = await ask(path);
      expect([path, reply.status, reply.headers]).toMatchObject([path, status, SECURITY_HEADERS]);
      expect(reply.headers['strict-transport-security']).toBe('max-age=31536000');
    }
  });

  it('keeps metrics and counts inside', async () => {
    for (const path of ['/metrics', '/lcdnn/use']) expect([path, (await ask(path)).status]).toEqual([path, 404]);
  });

  it('passes on compressed bodies and binary answers', async () => {
    const { manifest } = bundle;
    const length = manifest.tail.shape.reduce((all, size) => all * size, 1);
    const values = Float32Array.from({ length }, (_, i) => (i % 7) / 7);
    const { method, headers, body } = inferRequest(manifest, values);
    const sent = { method, headers: { ...headers, 'content-encoding': 'deflate' }, body: deflateSync(body) };
    const reply = await ask('/v2/models/tiny/infer', sent);
    expect(reply.status).toBe(200);
    const tail = await openTail(bundle);
    const expected = Array.from(await tail.infer(values, 1));
    await tail.close();
    const { logits } = readAnswer(reply.headers['inference-header-content-length']!, reply.body);
    logits.forEach((logit, i) => {
      expect(logit).toBeCloseTo(expected[i], 5);
    });
  });

  it('passes on the addresses of clients, so that each has its own limit', async () => {
    const infer = (localAddress: string) => ask('/v2/models/tiny/infer', { method: 'POST', localAddress });
    const forged = { 'x-forwarded-for': '203.0.113.7' };
    for (const client of ['127.0.0.3', '127.0.0.4']) {
      const statuses = [];
      for (let i = 0; i < 3 * RATE_LIMIT; i++) {
        const { status } = await ask('/v2/models/tiny/infer', {
          method: 'POST',
          localAddress: client,
          headers: forged,
        });
        statuses.push(status);
      }
      expect([client, statuses[0], statuses.includes(429)]).toEqual([client, 400, true]);
    }
    expect((await infer('127.0.0.5')).status).toBe(400);
  });

  it('refuses long bodies', async () => {
    const long = ask('/v2/models/tiny/infer', {
      method: 'POST',
      body: Buffer.alloc(3 << 20),
      localAddress: '127.0.0.6',
    });
    expect([413, 502]).toContain((await long.catch(() => ({ status: 413 }))).status);
  });
});
