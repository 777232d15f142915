import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { inferRequest } from '../../test/infer-request.js';
import { tinyBundle } from '../../test/tiny-bundle.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { listen } from './listen.js';
import { createEdgeServer, type EdgeServer, type EdgeServerOptions } from './server.js';

/*
 * What one hostile client can do to a server, on this machine only, with a bounded number of connections and bytes. The
 * tests count work (what is parsed, what is held, who is answered) and measure no time.
 */

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-attacks-'));
const INFER = '/v2/models/tiny/infer';
let bundle: Bundle;
let count: number;
/** Servers of a test, and one that the tests without options share. */
const open: EdgeServer[] = [];
let shared: Awaited<ReturnType<typeof serve>>;
const sockets: Socket[] = [];

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  count = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  shared = await serve();
  open.pop();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await shared?.app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for a value on a busy machine. */
const soon = <Value>(read: () => Value) => expect.poll(read, { timeout: 20_000 });

async function serve(options: EdgeServerOptions = {}, source: Bundle | string = bundle) {
  const app = await createEdgeServer(source, { threads: 1, log: 'silent', ...options });
  open.push(app);
  const url = await listen(app, { host: '127.0.0.1', port: 0 });
  return { app, url, port: Number(new URL(url).port) };
}

/** A connection whose errors are expected. What arrives is collected, unless it is not read. */
function raw(port: number, { reads = true } = {}) {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  const received = { text: '' };
  if (reads) {
    socket.setEncoding('latin1').on('data', (text) => {
      received.text += text;
    });
  }
  return Object.assign(socket, { received });
}

const postHead = (headers: Record<string, string | number>): string =>
  `POST ${INFER} HTTP/1.1\r\nhost: edge\r\n${Object.entries(headers)
    .map((pair) => `${pair.join(': ')}\r\n`)
    .join('')}\r\n`;

const goodRequest = () => inferRequest(bundle.manifest, new Float32Array(count).fill(0.5));

async function expectAnswers(url: string): Promise<void> {
  expect((await fetch(url + INFER, goodRequest())).status).toBe(200);
  for (const path of ['/v2/health/live', '/metrics', '/lcdnn.js']) {
    const reply = await fetch(url + path);
    await reply.arrayBuffer();
    expect([path, reply.status]).toEqual([path, 200]);
  }
}

describe('JSON that is small on the wire and huge in memory', () => {
  const LIMIT = () => 8192 + 25 * 16 * count;
  const parsed = () => {
    const lengths: number[] = [];
    const parse = JSON.parse;
    vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
      lengths.push(String(text).length);
      return parse(text, reviver);
    });
    return lengths;
  };

  it.each<[string, (bytes: number) => string]>([
    ['nested arrays', (bytes) => '['.repeat(bytes)],
    ['many empty arrays', (bytes) => `[${'[],'.repeat(bytes / 3 - 2)}[]]`],
    ['many empty objects', (bytes) => `[${'{},'.repeat(bytes / 3 - 2)}{}]`],
    ['many fields', (bytes) => `{${'"a":0,'.repeat(bytes / 6 - 1)}"a":0}`],
    ['many numbers in a field that is ignored', (bytes) => `{"x":[${'1,'.repeat(bytes / 2 - 6)}1]}`],
    ['nested objects', (bytes) => '{"a":'.repeat(bytes / 5 - 1)],
  ])('%s are refused before they are parsed', async (_, attack) => {
    const { url } = shared;
    const lengths = parsed();
    const body = attack(LIMIT() - 200);
    expect(body.length).toBeLessThanOrEqual(LIMIT());
    for (const headers of [{}, { 'content-encoding': 'deflate' }] as Record<string, string>[]) {
      const sent = headers['content-encoding'] ? deflateSync(body) : Buffer.from(body);
      const replies = await Promise.all(
        Array.from({ length: 12 }, () => fetch(url + INFER, { method: 'POST', body: sent, headers })),
      );
      for (const reply of replies) {
        expect(reply.status).toBe(400);
        expect(await reply.json()).toEqual({ error: expect.stringMatching(/^body: expected JSON with at most \d+/) });
      }
    }
    expect(Math.max(0, ...lengths)).toBeLessThan(8192);
    vi.restoreAllMocks();
    await expectAnswers(url);
  });

  it('large JSON is parsed, but not in the thread that answers', async () => {
    const { url } = shared;
    const lengths = parsed();
    const values = Array.from({ length: 16 * count }, (_, i) => i / 7);
    const input = { name: 'shared', shape: [16, ...bundle.manifest.tail.shape], datatype: 'FP32', data: values };
    const body = JSON.stringify({ inputs: [input] });
    expect(body.length).toBeGreaterThan(64 << 10);
    for (const headers of [{}, { 'content-encoding': 'gzip' }] as Record<string, string>[]) {
      const sent = headers['content-encoding'] ? deflateSync(body) : Buffer.from(body);
      const encoding = headers['content-encoding'] && { 'content-encoding': 'deflate' };
      const reply = await fetch(url + INFER, { method: 'POST', body: sent, headers: encoding || {} });
      expect([reply.status, (await reply.json()).outputs[0].shape]).toEqual([200, [16, 3]]);
    }
    // The test itself parses the answers.
    expect(lengths.filter((length) => length === body.length)).toEqual([]);
  });

  it('the JSON of a binary request is short', async () => {
    const { url } = shared;
    const { headers, body } = goodRequest();
    const length = Number(headers['inference-header-content-length']);
    const padded = Buffer.concat([body.subarray(0, length), Buffer.alloc(9000, ' '), body.subarray(length)]);
    const long = { ...headers, 'inference-header-content-length': `${length + 9000}` };
    const reply = await fetch(url + INFER, { method: 'POST', body: padded, headers: long });
    expect([reply.status, (await reply.json()).error]).toEqual([
      400,
      expect.stringContaining('expected at most 8192 bytes of JSON'),
    ]);
  });
});

describe('bodies that are never finished', () => {
  it('compressed ones hold only what was sent', async () => {
    const { url, port } = shared;
    // Would be 1.4 GB: each a thousand times what is sent.
    const zeros = deflateSync(Buffer.alloc(2 << 20)).subarray(0, -8);
    for (let i = 0; i < 300; i++) {
      raw(port).write(postHead({ 'content-encoding': 'deflate', 'content-length': 8000 }));
      sockets.at(-1)!.write(zeros);
    }
    for (let i = 0; i < 10; i++) await expectAnswers(url);
  });
});

describe('connections', () => {
  it('one client that holds as many as it can does not lock others out', async () => {
    const { url, port } = await serve({ maxConnections: 40 });
    const held = Array.from({ length: 60 }, () => raw(port));
    await soon(() => held.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(40);
    // The same client: its own idle connections make way.
    for (let i = 0; i < 5; i++) await expectAnswers(url);
    // Another client of the same machine.
    const other = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => {});
    sockets.push(other);
    let answer = '';
    other.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    other.write('GET /v2/health/live HTTP/1.1\r\nhost: edge\r\n\r\n');
    await soon(() => answer).toContain('{"live":true}');
  });

  it('the longest idle makes way, and none that waits for an answer', async () => {
    const { port } = await serve({ maxConnections: 4, maxConnectionsPerClient: 4 });
    const ask = 'GET /v2/health/live HTTP/1.1\r\nhost: edge\r\n\r\n';
    const held: ReturnType<typeof raw>[] = [];
    for (let i = 0; i < 4; i++) {
      const socket = raw(port);
      held.push(socket);
      socket.write(ask);
      await soon(() => socket.received.text).toContain('"live"');
    }
    held[0].write(ask); // now the second is the longest idle
    await soon(() => held[0].received.text.match(/"live"/g)?.length).toBe(2);
    const { headers, body } = goodRequest();
    held[2].write(postHead({ ...headers, 'content-length': body.length })); // in the middle of its request
    const fresh = raw(port);
    fresh.write(ask);
    await soon(() => fresh.received.text).toContain('"live"');
    await soon(() => held.map(({ closed }) => closed)).toEqual([false, true, false, false]);
    held[2].write(body);
    await soon(() => held[2].received.text).toContain('model_name');
  });

  it('proxies that are trusted have no limit of their own', async () => {
    const { port } = await serve({ maxConnections: 20, maxConnectionsPerClient: 2, trustProxy: ['127.0.0.1'] });
    const held = Array.from({ length: 10 }, () => raw(port));
    const ask = 'GET /v2/health/live HTTP/1.1\r\nhost: edge\r\n\r\n';
    for (const socket of held) socket.write(ask);
    for (const socket of held) await soon(() => socket.received.text).toContain('"live"');
  });
});

describe('clients that do not read', () => {
  it('are disconnected, and so are those that read too little; others get the whole file', async () => {
    const large = join(folder, 'large');
    const draft = { manifest: bundle.manifest, files: new Map(bundle.files).set('demo/large.bin', bytes(12 << 20)) };
    await writeBundle(large, draft);
    const { url, port } = await serve({ sendTimeoutMs: 1000 }, large);
    for (let i = 0; i < 10; i++) {
      const socket = raw(port, { reads: false });
      socket.write('GET /demo/large.bin HTTP/1.1\r\nhost: edge\r\n\r\n');
      if (i >= 5) {
        // Reads a little, now and then.
        const timer = setInterval(() => void socket.read(100), 50);
        socket.once('close', () => clearInterval(timer));
      }
    }
    await soon(() => connections(url)).toBe(10);
    await soon(() => connections(url)).toBe(0);
    const reply = await fetch(`${url}/demo/large.bin`, { headers: { 'accept-encoding': 'identity' } });
    expect((await reply.arrayBuffer()).byteLength).toBe(12 << 20);
  });

  it('make way for others when the server is full', async () => {
    const large = join(folder, 'large-too');
    const draft = { manifest: bundle.manifest, files: new Map(bundle.files).set('demo/large.bin', bytes(12 << 20)) };
    await writeBundle(large, draft);
    const { url, port } = await serve({ maxConnections: 4, maxConnectionsPerClient: 4, sendTimeoutMs: 600_000 }, large);
    const slow = Array.from({ length: 4 }, () => raw(port, { reads: false }));
    for (const socket of slow) socket.write('GET /demo/large.bin HTTP/1.1\r\nhost: edge\r\n\r\n');
    await soon(() => connections(url)).toBe(4);
    const live = () =>
      fetch(`${url}/v2/health/live`).then(
        ({ status }) => status,
        () => undefined,
      );
    expect(await live()).toBeUndefined();
    // After some seconds, one of them is closed for each new connection.
    await expect.poll(live, { timeout: 20_000, interval: 500 }).toBe(200);
  });

  const connections = (url: string): Promise<number> => {
    const app = open.find(({ server }) => url.endsWith(`:${(server.address() as { port: number }).port}`))!;
    return new Promise((resolve) => app.server.getConnections((_, connections) => resolve(connections)));
  };
  const bytes = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 13));
});

describe('guesses of the token', () => {
  it('count towards the rate limit, at inference and elsewhere', async () => {
    const { app } = await serve({ token: 'secret', rateLimit: 3 });
    for (const [method, path] of [
      ['POST', INFER],
      ['GET', '/metrics'],
      ['GET', '/lcdnn/use'],
    ] as const) {
      const remoteAddress = `192.0.2.${path.length}`;
      const guess = async (token: string) =>
        (await app.inject({ method, url: path, remoteAddress, headers: { authorization: `Bearer ${token}` } }))
          .statusCode;
      const codes = [await guess('a'), await guess('b'), await guess('c'), await guess('d'), await guess('secret')];
      // Beyond the limit, not even the right one shows that it is right.
      expect([path, ...codes]).toEqual([path, 401, 401, 401, 429, 429]);
    }
    const headers = { authorization: 'Bearer secret' };
    for (let i = 0; i < 10; i++) expect((await app.inject({ url: '/metrics', headers })).statusCode).toBe(200);
  });
});

describe('what Node refuses itself', () => {
  it.each([
    ['no HTTP', 'noise\r\n\r\n', 400],
    ['a header that is too long', `GET / HTTP/1.1\r\nhost: edge\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['two lengths', `POST ${INFER} HTTP/1.1\r\nhost: edge\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n`, 400],
  ])('%s is answered with the security headers', async (_, request, status) => {
    const { port } = shared;
    const socket = raw(port);
    socket.write(request);
    await soon(() => socket.closed).toBe(true);
    expect(socket.received.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(socket.received.text).toMatch(/\r\nx-content-type-options: nosniff\r\n/);
    expect(socket.received.text).toMatch(/\r\ncontent-security-policy: default-src 'self'/);
    expect(JSON.parse(socket.received.text.split('\r\n\r\n')[1])).toEqual({ error: expect.any(String) });
  });

  it('a request that is too slow gets 408', async () => {
    const { port } = await serve({ requestTimeoutMs: 300 });
    const socket = raw(port);
    socket.write('GET / HTTP/1.1\r\nhost: ');
    await soon(() => socket.closed).toBe(true);
    expect(socket.received.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(socket.received.text).toContain('x-content-type-options');
  });
});

describe('request targets', () => {
  const answerTo = async (port: number, line: string) => {
    const socket = raw(port);
    socket.write(`${line} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n`);
    await soon(() => socket.closed).toBe(true);
    const [, status, body] = /^HTTP\/1\.1 (\d+) [\s\S]*?\r\n\r\n([\s\S]*)$/.exec(socket.received.text)!;
    return [Number(status), body];
  };

  it('may be in absolute form', async () => {
    const { port } = shared;
    for (const authority of ['edge', `127.0.0.1:${port}`, '[::1]'])
      expect(await answerTo(port, `GET http://${authority}/v2/health/live`)).toEqual([200, '{"live":true}']);
    expect(await answerTo(port, 'GET HTTPS://edge/v2/health/live?x=/')).toEqual([200, '{"live":true}']);
    expect((await answerTo(port, 'GET http://edge'))[0]).toBe(302);
  });

  it('may be an asterisk with OPTIONS only', async () => {
    const { port } = shared;
    expect(await answerTo(port, 'OPTIONS *')).toEqual([204, '']);
    expect(await answerTo(port, 'GET *')).toEqual([400, '{"error":"expected a path, found * with GET"}']);
  });
});

describe('clients that misuse the server again and again', () => {
  const ATTACKER = '127.0.0.3';
  const live = 'GET /v2/health/live HTTP/1.1\r\nhost: edge\r\n\r\n';
  /** Costs ten points of the 200 that start a penalty. */
  const pipelined = Buffer.from(live.repeat(100));
  const liveFrom = async (port: number, localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
    sockets.push(socket);
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.write(live);
    await soon(() => socket.closed || answer.includes('"live"')).toBe(true);
    return answer.includes('"live"');
  };
  const attack = async (port: number, localAddress: string, times: number) => {
    for (let i = 0; i < times; i++) {
      const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
      sockets.push(socket);
      socket.resume().write(pipelined); // the first ones may be answered
      await soon(() => socket.closed).toBe(true);
    }
  };

  it('lose their connections for some seconds; other clients are answered', async () => {
    const { app, port } = await serve();
    const idle = connect({ port, host: '127.0.0.1', localAddress: ATTACKER }).on('error', () => {});
    sockets.push(idle);
    await attack(port, ATTACKER, 19);
    expect([await liveFrom(port, ATTACKER), idle.closed]).toEqual([true, false]);
    await attack(port, ATTACKER, 1);
    await soon(() => idle.resume().closed).toBe(true);
    expect(await liveFrom(port, ATTACKER)).toBe(false);
    expect(await liveFrom(port, '127.0.0.2')).toBe(true);
    const { body } = await app.inject('/metrics');
    // The twentieth starts the penalty and is closed with it.
    expect(body).toContain('lcdnn_connections_closed_total{reason="too many unanswered requests"} 19');
    expect(body).toMatch(/lcdnn_connections_closed_total\{reason="penalty"\} [3-9]/);
  });

  it.each([
    ['through a trusted proxy', ATTACKER, [ATTACKER]],
    ['from this machine, which may be an undeclared proxy', '127.0.0.1', []],
  ])('lose only the one connection if they come %s', async (_, address, trustProxy) => {
    const { port } = await serve({ trustProxy });
    await attack(port, address, 40);
    expect(await liveFrom(port, address)).toBe(true);
  });

  it('a long header is refused and its connection closed', async () => {
    const { port } = shared;
    const socket = raw(port);
    socket.write(`GET /lcdnn.js HTTP/1.1\r\nhost: edge\r\naccept-encoding: a${' '.repeat(9000)}b\r\n\r\n`);
    await soon(() => socket.closed).toBe(true);
    expect(socket.received.text).toMatch(/^HTTP\/1\.1 431 /);
    expect(socket.received.text).toContain('expected headers of at most 8 KiB each');
  });

  it('clients that end requests early or send nothing are not counted', async () => {
    const { port } = await serve({ requestTimeoutMs: 300 });
    const held = Array.from({ length: 250 }, (_, i) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: ATTACKER }).on('error', () => {});
      sockets.push(socket);
      socket.on('connect', () => i % 2 && socket.end('GET / HTTP/1.1\r\nhost: '));
      return socket.resume();
    });
    await soon(() => held.every(({ closed }) => closed)).toBe(true);
    expect(await liveFrom(port, ATTACKER)).toBe(true);
  });
});
