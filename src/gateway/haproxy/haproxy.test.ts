import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FakeUpstream, fakeUpstream } from '../../../test/fake-upstream.js';
import { rawConnection, requestHead } from '../../../test/raw-connection.js';
import { CORS_HEADERS, PREFLIGHT_HEADERS } from '../../edge/access.js';
import { RULES } from '../../scheduling/policies/index.js';
import type { Policy } from '../../scheduling/policies/policy.js';
import { haproxyConfig } from './config.js';
import { type HaproxyGatewayOptions, startHaproxyGateway } from './haproxy-gateway.js';
import { readStat } from './read-stat.js';
import { command } from './socket.js';
import { freePort, startHaproxy } from './start-haproxy.js';
import { weightsOf } from './weights.js';

const INFER = '/v2/models/tiny/infer';
const host = '127.0.0.1';
const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
const isThere = places.some((place) => existsSync(join(place, 'haproxy')));
if (!isThere) console.warn('no haproxy here (Debian: apt install haproxy): its tests are skipped');

let ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function fake(change: Partial<FakeUpstream> = {}): Promise<FakeUpstream> {
  const made = await fakeUpstream(change);
  ends.push(() => made.kill());
  return made;
}

async function start(upstreams: readonly FakeUpstream[], policy: Policy, more: Partial<HaproxyGatewayOptions> = {}) {
  const servers = upstreams.map(({ origin }) => ({ origin, capacity: 4 }));
  const timers = { reportEveryMs: 20, healthEveryMs: 50 };
  const gateway = await startHaproxyGateway({ servers, policy, ...timers, log: 'silent', host, port: 0, ...more });
  ends.push(() => gateway.drain(0));
  return gateway;
}

const post = (url: string, body = 'x') =>
  fetch(url + INFER, { method: 'POST', body }).then(async (reply) => ({ reply, text: await reply.text() }));

const roundRobin = RULES['round-robin']({ eta: 0.05 });
/** Tasks in proportion to these shares. */
const shares =
  (...each: number[]): Policy =>
  ({ waiting }, _next, offers) =>
    each.forEach((share, i) => {
      offers[i] = Math.round(share * waiting);
    });

it('weights are in proportion to offers', () => {
  expect(weightsOf(Float64Array.of(10, 5, 0))).toEqual([256, 128, 1]);
  expect(weightsOf(Float64Array.of(100_000, 1))).toEqual([256, 1]);
  expect(weightsOf(Float64Array.of(0, 0))).toBeUndefined();
});

it('a backend that is not there is named', () => {
  const text = '# pxname,svname,qcur,scur,stot,status,weight,addr,\nother,BACKEND,0,0,0,UP,1,,\n';
  expect(() => readStat(text, 'servers')).toThrow('expected a backend servers in HAProxy, found other');
});

describe.skipIf(!isThere)('a HAProxy that is started', () => {
  it('answers, and shares requests out as the policy says', async () => {
    const servers = [await fake(), await fake()];
    const { url } = await start(servers, shares(0.75, 0.25));
    const body = 'bytes'.repeat(60_000);
    for (let i = 0; i < 40; i++) expect((await post(url, body)).text).toBe(body);
    const [first, second] = servers.map(({ asked }) => asked.length);
    expect(first + second).toBe(40);
    expect(Math.abs(first - 30)).toBeLessThanOrEqual(3);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('lcdnn_gateway_decision_seconds_count');
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  });

  it('sends next to nothing to a server that the policy gives nothing, for as long as it does', async () => {
    const servers = [await fake(), await fake()];
    const { url, scheduler } = await start(servers, shares(0, 1));
    for (let i = 0; i < 20; i++) await post(url);
    expect(servers[1].asked.length).toBeGreaterThanOrEqual(19);
    scheduler.use(shares(1, 0));
    await vi.waitFor(
      async () => {
        await post(url);
        expect(servers[0].asked.length).toBeGreaterThan(5);
      },
      { timeout: 10_000 },
    );
  });

  it('answers all that waits, when servers were full and are free again', async () => {
    const answer: FakeUpstream['answer'] = (_request, response) => void setTimeout(() => response.end('late'), 50);
    const servers = [await fake({ answer }), await fake({ answer })];
    const { url } = await start(servers, RULES['least-loaded']({ eta: 0.05 }));
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(url)));
    expect(answers.every(({ text }) => text === 'late')).toBe(true);
  });

  it('asks another server where one dies, takes it out, and lets it in again', async () => {
    const servers = [await fake(), await fake()];
    const { url, upstreams } = await start(servers, roundRobin);
    servers[0].answer = (request) => request.socket.destroy();
    for (let i = 0; i < 4; i++) expect((await post(url)).reply.status).toBe(200);
    await servers[0].kill();
    for (let i = 0; i < 10; i++) expect((await post(url)).reply.status).toBe(200);
    await vi.waitFor(() => expect(upstreams.map(({ up }) => up)).toEqual([false, true]), { timeout: 10_000 });
    await servers[0].revive();
    await vi.waitFor(() => expect(upstreams[0].up).toBe(true), { timeout: 10_000 });
  });

  it('sends overflow to the remote, or says when to come again', async () => {
    const remote = await fake({ answer: (_request, response) => void response.end('remote') });
    for (const origin of [remote.origin, undefined]) {
      const server = await fake();
      const { url, upstreams } = await start([server], roundRobin, { remote: origin });
      await server.kill();
      await vi.waitFor(() => expect(upstreams[0].up).toBe(false), { timeout: 10_000 });
      const { reply, text } = await post(url);
      if (origin) expect([reply.status, text]).toEqual([200, 'remote']);
      else expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1']);
    }
  });

  it('answers pages of the allowed origins, also when it refuses a request itself', async () => {
    const server = await fake();
    const { url } = await start([server], roundRobin, { cors: ['https://shop.example', 'null'], rateLimit: 2 });
    const ask = (origin: string, method = 'POST') => fetch(url + INFER, { method, headers: { origin } });
    const preflight = await ask('https://shop.example', 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      ...PREFLIGHT_HEADERS,
      vary: 'origin',
    });
    expect(server.asked).toHaveLength(0);
    const answer = await ask('null');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': 'null',
      ...CORS_HEADERS,
    });
    expect((await ask('https://shop.example.evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    const refused = await ask('https://shop.example');
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([429, 'https://shop.example']);
  });

  it('limits the inference requests of each client, told apart by the last address that is no trusted proxy', async () => {
    const { url } = await start([await fake()], roundRobin, { rateLimit: 3, trustProxy: ['loopback', '10.0.0.0/8'] });
    const from = async (forwarded: string, path = INFER) => {
      const reply = await fetch(url + path, { method: 'POST', body: 'x', headers: { 'x-forwarded-for': forwarded } });
      return [reply.status, reply.headers.get('retry-after')];
    };
    for (let i = 0; i < 3; i++) expect(await from(`1.1.1.${i}, 203.0.113.5, 10.0.0.7`)).toEqual([200, null]);
    expect(await from('203.0.113.5')).toEqual([429, '1']);
    expect(await from('203.0.113.5', '/v2/models/tiny')).toEqual([200, null]); // only inference is limited
    for (let i = 0; i < 3; i++) expect(await from(`2001:db8::${i}`)).toEqual([200, null]); // one /64 is one client
    expect((await from('2001:db8::9'))[0]).toBe(429);
    expect((await from('2001:db8:0:1::9'))[0]).toBe(200);
  });

  it('passes on the address of the client', async () => {
    const server = await fake();
    const { url } = await start([server], roundRobin, { trustProxy: ['loopback'] });
    await fetch(url + INFER, { method: 'POST', headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.5' } });
    expect(String(server.asked[0].headers['x-forwarded-for']).split(', ').at(-1)).toBe('203.0.113.5');
  });

  it('refuses origins and proxies that are not written as they should be', async () => {
    const server = await fake();
    await expect(start([server], roundRobin, { cors: ['https://a.example/'] })).rejects.toThrow(/--cors: expected/);
    await expect(start([server], roundRobin, { trustProxy: ['nowhere'] })).rejects.toThrow(/--trust-proxy: expected/);
  });

  it('keeps its servers free of clients that send or read slowly', async () => {
    const file = Buffer.alloc(16 << 20);
    const answer: FakeUpstream['answer'] = (request, response, body) =>
      void response.end(request.method === 'GET' ? file : body);
    const server = await fake({ answer });
    const { url } = await start([server], roundRobin, { requestTimeoutMs: 1000 });
    const port = Number(new URL(url).port);
    const slow = Array.from({ length: 20 }, (_, i) => {
      const socket = rawConnection(port, { reads: i % 2 === 0 });
      ends.push(async () => socket.destroy());
      const isReader = i % 2 === 1;
      socket.write(
        requestHead(isReader ? 'GET' : 'POST', isReader ? '/big.bin' : INFER, isReader ? {} : { 'content-length': 9 }),
      );
      return socket;
    });
    await vi.waitFor(() => expect(server.asked.length).toBe(10), { timeout: 10_000 }); // no unfinished body reaches it
    for (let i = 0; i < 10; i++) expect((await post(url, 'body')).text).toBe('body');
    await vi.waitFor(() => expect(slow[0].closed).toBe(true), { timeout: 10_000 });
    expect(slow[0].received.text).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*\r\nx-content-type-options: nosniff\r\n[\s\S]*\{"error":"/,
    );
  });

  it('limits the connections of one client, so that others get in', async () => {
    const { url } = await start([await fake()], roundRobin, { maxConnections: 100, maxConnectionsPerClient: 10 });
    const port = Number(new URL(url).port);
    const held = Array.from({ length: 30 }, () => rawConnection(port));
    for (const socket of held) ends.push(async () => socket.destroy());
    await vi.waitFor(() => expect(held.filter(({ closed }) => closed).length).toBe(20), { timeout: 10_000 });
    const other = rawConnection(port, { localAddress: '127.0.0.2' });
    ends.push(async () => other.destroy());
    other.write(`${requestHead('POST', INFER, { 'content-length': 1 })}x`);
    await vi.waitFor(() => expect(other.received.text).toMatch(/^HTTP\/1\.1 200 /), { timeout: 10_000 });
  });

  it('refuses what the embedded gateway refuses, in the same form', async () => {
    const { url } = await start([await fake()], roundRobin, { maxBodyBytes: 1000, token: 'secret', rateLimit: 3 });
    const long = await post(url, 'x'.repeat(2000));
    expect([long.reply.status, JSON.parse(long.text)]).toEqual([
      413,
      { error: expect.stringContaining('at most 1000') },
    ]);
    expect(long.reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${url}/lcdnn/use`)).status).toBe(404);
    const guess = async (token: string) =>
      (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect([await guess('a'), await guess('b'), await guess('c'), await guess('secret')]).toEqual([401, 401, 401, 429]);
  });

  it('lets running requests end', async () => {
    const server = await fake({ answer: (_request, response) => void setTimeout(() => response.end('late'), 500) });
    const { url, drain } = await start([server], roundRobin);
    const running = post(url);
    await vi.waitFor(() => expect(server.asked.length).toBe(1));
    await drain(0);
    expect((await running).text).toBe('late');
    await expect(post(url)).rejects.toThrow();
  });

  it('cannot have a port that is taken', async () => {
    const server = await fake();
    const port = Number(new URL(server.origin).port);
    await expect(start([server], roundRobin, { port })).rejects.toThrow(/expected HAProxy to start, found: .*bind/);
  });
});

describe.skipIf(!isThere)('a HAProxy that runs already', () => {
  it('is told the weights of the servers that it has', async () => {
    const servers = [await fake(), await fake()];
    const folder = mkdtempSync(join(tmpdir(), 'lcdnn-haproxy-test-'));
    const socket = join(folder, 's');
    const config = haproxyConfig({
      host,
      port: await freePort(host),
      servers: servers.map(({ origin }) => ({ origin, capacity: 4 })).reverse(),
      socket,
      ownPort: 9,
      healthEveryMs: 100,
      maxWaiting: 10,
      maxConnections: 100,
      timeoutMs: 1000,
      answerTimeoutMs: 1000,
      requestTimeoutMs: 1000,
      sendTimeoutMs: 1000,
      maxBodyBytes: 1000,
    });
    const process = await startHaproxy(folder, config, socket);
    ends.push(async () => {
      await process.stop(1000);
      rmSync(folder, { recursive: true });
    });
    await start(servers, shares(0.25, 0.75), { running: { socket, backend: 'servers' } });
    const { servers: stats } = readStat(await command(socket, 'show stat'), 'servers');
    expect(stats.map(({ name, weight }) => [name, weight])).toEqual([
      ['s0', 256],
      ['s1', 85],
    ]);
    const elsewhere = [await fake()];
    await expect(start(elsewhere, roundRobin, { running: { socket, backend: 'servers' } })).rejects.toThrow(
      /expected a server at 127\.0\.0\.1:\d+ in HAProxy's backend servers, found s0 /,
    );
    await expect(start(servers, roundRobin, { running: { socket: '/nowhere', backend: 'servers' } })).rejects.toThrow(
      '/nowhere: expected the runtime socket of a HAProxy, found none',
    );
  });
});
