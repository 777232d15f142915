import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inferRequest } from '../../test/infer-request.js';
import { answersIn, type RawConnection, rawConnection, requestHead } from '../../test/raw-connection.js';
import { tinyBundle } from '../../test/tiny-bundle.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { addressMatcher, clientOf } from './client-address.js';
import { listen } from './listen.js';
import { createEdgeServer, type EdgeServer } from './server.js';
import { acceptedEncoding } from './web-folder.js';

/* Unusual and hostile use of HTTP itself: pipelining, half-closed connections, smuggling, expectations, odd headers. */

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-misuse-'));
const INFER = '/v2/models/tiny/infer';
let bundle: Bundle;
let app: EdgeServer;
let port: number;
let sockets: RawConnection[] = [];

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  app = await createEdgeServer(bundle, { threads: 1, log: 'silent' });
  port = Number(new URL(await listen(app, { host: '127.0.0.1', port: 0 })).port);
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});
afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

const soon = <Value>(read: () => Value) => expect.poll(read, { timeout: 20_000 });

function raw(options?: Parameters<typeof rawConnection>[1]): RawConnection {
  const socket = rawConnection(port, options);
  sockets.push(socket);
  return socket;
}

/** The answers to what one connection sends, when the server has closed it. */
async function answersTo(...parts: (string | Buffer)[]) {
  const socket = raw();
  for (const part of parts) socket.write(part);
  await soon(() => socket.closed).toBe(true);
  return answersIn(socket.received.text);
}

function goodRequest(headers: Record<string, string> = {}): Buffer {
  const count = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  const { headers: own, body } = inferRequest(bundle.manifest, new Float32Array(count).fill(0.5));
  return Buffer.concat([
    Buffer.from(requestHead('POST', INFER, { ...own, 'content-length': body.length, ...headers })),
    body,
  ]);
}

/** The value of a metric. */
async function metric(line: string): Promise<number> {
  const { body } = await app.inject('/metrics');
  const found = body.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}
const IN_FLIGHT = 'lcdnn_requests_in_flight{model="tiny"}';

describe('requests that do not wait for answers', () => {
  it('end the connection when there are too many, and all of them are counted as ended', async () => {
    const before = await metric('lcdnn_requests_total{model="tiny",code="200"}');
    const socket = raw({ reads: false });
    socket.write(Buffer.concat(Array.from({ length: 500 }, () => goodRequest())));
    await soon(() => socket.closed).toBe(true);
    await expect.poll(() => metric(IN_FLIGHT), { timeout: 20_000 }).toBe(0);
    const answered = (await metric('lcdnn_requests_total{model="tiny",code="200"}')) - before;
    expect(answered).toBeLessThanOrEqual(64);
  });

  it('are answered in order while there are few', async () => {
    const requests = Array.from({ length: 20 }, (_, i) => requestHead('GET', `/v2/models/none${i}`));
    const answers = await answersTo(requests.join('') + requestHead('GET', '/v2', { connection: 'close' }));
    expect(answers.map(({ status }) => status)).toEqual([...Array(20).fill(404), 200]);
    answers.slice(0, 20).forEach(({ body }, i) => {
      expect(body).toContain(`"no model none${i} here`);
    });
  });

  it('are counted as ended when their client disconnects', async () => {
    for (let i = 0; i < 5; i++) {
      const socket = raw();
      socket.write(Buffer.concat(Array.from({ length: 20 }, () => goodRequest())), () => socket.destroy());
    }
    await soon(() => sockets.every(({ closed }) => closed)).toBe(true);
    await expect.poll(() => metric(IN_FLIGHT), { timeout: 20_000 }).toBe(0);
  });

  it('share the text of the metrics', async () => {
    const texts = await Promise.all(Array.from({ length: 200 }, () => app.inject('/metrics').then(({ body }) => body)));
    expect(new Set(texts).size).toBeLessThan(20); // each contains the processor time
  });
});

describe('half-closed connections', () => {
  it('with half a request are closed', async () => {
    for (const part of ['GET / HT', requestHead('POST', INFER, { 'content-length': 100 }), 'x'.repeat(100)]) {
      const socket = raw();
      socket.end(part);
      await soon(() => socket.closed).toBe(true);
    }
    await expect.poll(() => metric(IN_FLIGHT), { timeout: 20_000 }).toBe(0);
  });
});

describe('where a request ends', () => {
  const ATTACK = 'GET /smuggled HTTP/1.1\r\nhost: edge\r\n\r\n';
  it.each<[string, string]>([
    [
      'two kinds of length',
      `content-length: ${ATTACK.length + 5}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${ATTACK}`,
    ],
    ['another encoding behind chunked', `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${ATTACK}`],
    ['an encoding that looks like chunked', `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${ATTACK}`],
    ['a space before the colon', `transfer-encoding : chunked\r\n\r\n0\r\n\r\n${ATTACK}`],
    ['a folded header', `transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${ATTACK}`],
    ['a length with a sign', `content-length: +5\r\n\r\n12345${ATTACK}`],
    ['a list of lengths', `content-length: 5, 5\r\n\r\n12345${ATTACK}`],
    ['a length in hexadecimal', `content-length: 0x5\r\n\r\n12345${ATTACK}`],
    ['a chunk length that overflows', `transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n${ATTACK}`],
    ['a chunk length with a sign', `transfer-encoding: chunked\r\n\r\n-1\r\n${ATTACK}`],
    ['bare line feeds', `transfer-encoding: chunked\n\n0\n\n${ATTACK}`],
    ['a NUL', `x: a\0b\r\ncontent-length: 0\r\n\r\n${ATTACK}`],
  ])('%s is refused, and nothing behind it is answered', async (_, rest) => {
    const answers = await answersTo(`POST ${INFER} HTTP/1.1\r\nhost: edge\r\n${rest}`);
    expect(answers.map(({ status }) => status)).toEqual([400]);
  });

  it('trailers are limited as headers are', async () => {
    const head = requestHead('POST', INFER, { 'transfer-encoding': 'chunked' });
    const answers = await answersTo(`${head}0\r\n${'a: b\r\n'.repeat(20_000)}\r\n`);
    expect(answers.map(({ status }) => status)).toEqual([431]);
  });

  it('bodies in thousands of tiny chunks are refused; a few are not', async () => {
    const head = requestHead('POST', INFER, { 'transfer-encoding': 'chunked' });
    const [refused] = await answersTo(head + '1\r\nx\r\n'.repeat(5000));
    expect([refused.status, refused.body]).toEqual([400, expect.stringContaining('expected chunks of at least')]);
    const whole = goodRequest({ connection: 'close' }).toString('latin1');
    const [top, ...body] = whole.split('\r\n\r\n');
    const chunks = Array.from(
      body.join('\r\n\r\n').match(/[\s\S]{1,100}/g)!,
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    const chunked = `${top.replace(/\ncontent-length: \d+/i, '\ntransfer-encoding: chunked')}\r\n\r\n${chunks.join('')}0\r\n\r\n`;
    const [answer] = await answersTo(Buffer.from(chunked, 'latin1'));
    expect(answer.status).toBe(200);
  });
});

describe('expectations and methods', () => {
  it('100-continue is answered, others are ignored', async () => {
    const socket = raw();
    const [head, body] = [goodRequest({ expect: '100-continue', connection: 'close' })].map((whole) => {
      const end = whole.indexOf('\r\n\r\n') + 4;
      return [whole.subarray(0, end), whole.subarray(end)] as const;
    })[0];
    socket.write(head);
    await soon(() => socket.received.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n/);
    socket.write(body);
    await soon(() => socket.closed).toBe(true);
    expect(socket.received.text).toContain('\r\nHTTP/1.1 200 OK\r\n');
    const [answer] = await answersTo(requestHead('GET', '/v2', { expect: 'wonders', connection: 'close' }));
    expect(answer.status).toBe(200);
  });

  it.each([
    ['HEAD', '/v2', 200],
    ['HEAD', '/lcdnn.js', 200],
    ['HEAD', '/metrics', 200],
    ['HEAD', INFER, 405],
    ['OPTIONS', INFER, 405],
    ['OPTIONS', '/nothing', 404],
    ['DELETE', '/v2', 405],
    ['TRACE', '/', 405],
  ])('%s %s', async (method, path, status) => {
    const socket = raw();
    socket.write(requestHead(method, path, { connection: 'close' }));
    await soon(() => socket.closed).toBe(true);
    expect(Number(socket.received.text.slice(9, 12))).toBe(status);
    if (method === 'HEAD') expect(socket.received.text).toMatch(/\r\n\r\n$/);
    expect(socket.received.text).toContain('x-content-type-options: nosniff');
  });

  it('an upgrade is an ordinary request; a tunnel is not opened', async () => {
    const upgrade = { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': 13 };
    expect((await answersTo(requestHead('GET', '/v2', upgrade)))[0].status).toBe(200);
    expect(await answersTo('CONNECT other:443 HTTP/1.1\r\nhost: other\r\n\r\n')).toEqual([]);
    expect((await answersTo('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).every(({ status }) => status === 400)).toBe(true);
  });

  it('a GET with a body is answered, and the body is no request', async () => {
    const answers = await answersTo(
      `${requestHead('GET', '/v2', { 'content-length': 5 })}GET /${requestHead('GET', '/v2', { connection: 'close' })}`,
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('paths', () => {
  it.each([
    ['broken escapes', '/%zz', 400],
    ['escapes that are no UTF-8', '/v2/models/%ff', 400],
    ['a long name', `/v2/models/${'a'.repeat(5000)}`, 404],
    ['a long file name', `/${'a/'.repeat(5000)}`, 404],
    ['a long query', `/v2?${'a[b][c]=%61&'.repeat(1000)}`, 200],
    ['a field of all objects', '/v2?__proto__[x]=1&constructor=2', 200],
    ['a model named like a field of all objects', '/v2/models/__proto__', 404],
    ['a way out', '/%2e%2e/%2e%2e/etc/passwd', 404],
    ['a NUL', '/lcdnn.js%00', 404],
  ])('%s', async (_, path, status) => {
    const [answer] = await answersTo(requestHead('GET', path, { connection: 'close' }));
    expect(answer.status).toBe(status);
    expect(answer.head).toContain('x-content-type-options: nosniff');
    if (status >= 400) expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) });
  });
});

describe('compressed bodies', () => {
  it.each<[string, Buffer, string]>([
    ['a member of nothing after another', Buffer.concat(Array.from({ length: 4000 }, () => gzipSync(''))), 'gzip'],
    ['a zip bomb', deflateSync(Buffer.alloc(64 << 20)), 'deflate'],
    ['a bomb within a bomb', deflateSync(deflateSync(Buffer.alloc(64 << 20))), 'deflate'],
    ['noise', Buffer.from('noise'), 'gzip'],
    ['nothing', Buffer.alloc(0), 'deflate'],
  ])('%s is refused', async (_, body, encoding) => {
    const head = requestHead('POST', INFER, {
      'content-encoding': encoding,
      'content-length': body.length,
      connection: 'close',
    });
    const [answer] = await answersTo(head, body);
    expect([400, 413]).toContain(answer.status);
  });

  it('of many compressed bytes are decompressed by another thread', async () => {
    // Without compression, so that there are as many bytes as in a large request.
    const count = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
    const values = Array.from({ length: 16 * count }, (_, i) => i / 7);
    const input = { name: 'shared', shape: [16, ...bundle.manifest.tail.shape], datatype: 'FP32', data: values };
    const body = deflateSync(JSON.stringify({ inputs: [input] }), { level: 0 });
    expect(body.length).toBeGreaterThan(64 << 10);
    const head = requestHead('POST', INFER, {
      'content-encoding': 'deflate',
      'content-length': body.length,
      connection: 'close',
    });
    const [answer] = await answersTo(head, body);
    expect([answer.status, JSON.parse(answer.body).outputs[0].shape]).toEqual([200, [16, 3]]);
  });
});

describe('headers', () => {
  it('that a regular expression would take seconds for', () => {
    const spaces = `gzip${' '.repeat(15_000)}x`;
    // Bounded work: a backtracking expression needs a hundred million steps for each, and the test times out.
    for (let i = 0; i < 200; i++) expect(acceptedEncoding(spaces)).toBeUndefined();
    expect(acceptedEncoding('br ; q=0, GZIP ;q=0.5')).toBe('gzip');
  });

  it('in large numbers', async () => {
    const [answer] = await answersTo(
      `GET /v2 HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n${'a:b\r\n'.repeat(1900)}\r\n`,
    );
    // Newer versions of Node count more than its characters for each header.
    expect([200, 431]).toContain(answer.status);
  });

  it('with more proxies than there can be: only the last ones are read', async () => {
    const trustProxy = ['loopback', '10.0.0.0/8'];
    const proxied = await createEdgeServer(bundle, { threads: 1, log: 'silent', trustProxy, rateLimit: 1 });
    const statusFrom = async (address: string, proxies: number) => {
      const forwarded = [address, ...Array(proxies).fill('10.0.0.1')].join();
      const headers = { 'x-forwarded-for': forwarded };
      return (await proxied.inject({ method: 'POST', url: INFER, headers })).statusCode;
    };
    expect([await statusFrom('192.0.2.1', 3), await statusFrom('192.0.2.2', 3)]).toEqual([400, 400]);
    expect([await statusFrom('192.0.2.3', 1500), await statusFrom('192.0.2.4', 1500)]).toEqual([400, 429]);
    await proxied.close();
  });

  it('without a host', async () => {
    expect((await answersTo('GET /v2 HTTP/1.1\r\n\r\n'))[0].status).toBe(400);
    expect((await answersTo('GET /v2 HTTP/1.0\r\n\r\n'))[0].status).toBe(200);
  });

  it('with two hosts, or in another version of HTTP', async () => {
    expect((await answersTo('GET /v2 HTTP/1.1\r\nhost: a\r\nHOST: b\r\n\r\n')).map(({ status }) => status)).toEqual([
      400,
    ]);
    for (const version of [' HTTP/2.0', '']) {
      const answers = await answersTo(`GET /v2${version}\r\nhost: a\r\n\r\n`);
      expect(answers.map(({ status }) => status)).toEqual([505]);
    }
  });
});

describe('addresses with a zone', () => {
  it('are one client for each network, and never an error', () => {
    expect(clientOf('fe80::1%eth0')).toBe(clientOf('fe80::2%eth0'));
    expect(clientOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    const matches = addressMatcher(['linklocal', '2001:db8::/32']);
    expect(matches('fe80::1%eth0')).toBe(true);
    expect(matches('2001:db8::1%25')).toBe(true);
    for (const odd of ['fe80::1%', '%', '::%x', '1.2.3.4%eth0', '']) expect(matches(odd)).toBe(false);
  });
});
