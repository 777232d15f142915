import { connect, type Socket } from 'node:net';
import { deflateSync, gzipSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, fakeUpstream } from '../../test/fake-upstream.js';
import { rawConnection, requestHead } from '../../test/raw-connection.js';
import { listen } from '../edge/listen.js';
import { RULES } from '../scheduling/policies/index.js';
import { endToEnd } from './forward.js';
import { createGateway, type Gateway, type GatewayOptions } from './gateway.js';
import { forwardedRequest } from './routes.js';

/* What hostile or unusual clients can do to the gateway, on this machine only, with bounded connections and bytes. */

const INFER = '/v2/models/tiny/infer';
const CAPACITY = 4;
let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function setUp(change: Partial<FakeUpstream> = {}, options: Partial<GatewayOptions> = {}) {
  const server = await fakeUpstream(change);
  ends.push(() => server.kill());
  const gateway: Gateway = await createGateway({
    servers: [{ origin: server.origin, capacity: CAPACITY }],
    policy: RULES['least-loaded']({ eta: 0.05 }),
    log: 'silent',
    ...options,
  });
  ends.push(() => gateway.close());
  const url = await listen(gateway, { host: '127.0.0.1', port: 0 });
  return { server, gateway, url, port: Number(new URL(url).port) };
}

/** A connection that sends a request and reads nothing. */
function sendWithoutReading(port: number, request: string): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write(request);
  ends.push(() => socket.destroy());
  return socket;
}

const post = (url: string, body: Buffer<ArrayBuffer> | string = 'x', headers: Record<string, string> = {}) =>
  fetch(url + INFER, { method: 'POST', body, headers }).then(async (reply) => ({ reply, text: await reply.text() }));

const soon = <Value>(read: () => Value) => expect.poll(read, { timeout: 20_000 });

describe('clients that do not read', () => {
  it('a large file: take no capacity, and are disconnected', async () => {
    const file = Buffer.alloc(16 << 20);
    const answer: FakeUpstream['answer'] = (request, response, body) =>
      void response.end(request.method === 'GET' ? file : body);
    const { url, port, server, gateway } = await setUp({ answer }, { sendTimeoutMs: 1000 });
    for (let i = 0; i < 60; i++) sendWithoutReading(port, 'GET /big.bin HTTP/1.1\r\nhost: edge\r\n\r\n');
    await soon(() => server.asked.length).toBe(60);
    expect(gateway.upstreams[0].inFlight).toBe(0);
    for (let i = 0; i < 10; i++) expect((await post(url)).reply.status).toBe(200);
    const connections = () => new Promise((resolve) => gateway.server.getConnections((_, count) => resolve(count)));
    await soon(connections).toBeLessThan(10); // some are fetch's own
  });

  it('the answer to an inference: free their server as soon as it has answered', async () => {
    const answer: FakeUpstream['answer'] = (_request, response) => void response.end(Buffer.alloc(400_000));
    const { url, port, server, gateway } = await setUp({ answer });
    const request = `POST ${INFER} HTTP/1.1\r\nhost: edge\r\ncontent-length: 1\r\n\r\nx`;
    // Ten answers on each connection, so that the kernel's buffers are full.
    for (let i = 0; i < 12; i++) sendWithoutReading(port, request.repeat(10));
    await soon(() => server.asked.length).toBeGreaterThanOrEqual(12);
    await soon(() => gateway.upstreams[0].inFlight).toBe(0);
    for (let i = 0; i < 10; i++) expect((await post(url)).text.length).toBe(400_000);
  });
});

describe('compressed requests', () => {
  it.each([
    ['deflate', deflateSync],
    ['gzip', gzipSync],
  ] as const)('in %s reach the server as they are', async (encoding, compress) => {
    const { url, server } = await setUp({}, { maxBodyBytes: 10_000 });
    const body = compress(Buffer.alloc(1_000_000, 'bytes'));
    const { reply } = await post(url, body, { 'content-encoding': encoding });
    expect(reply.status).toBe(200);
    expect(server.asked[0].headers).toMatchObject({
      'content-encoding': encoding,
      'content-length': `${body.length}`,
    });
  });

  it('are still compressed when they arrive', async () => {
    const bodies: Buffer[] = [];
    const answer: FakeUpstream['answer'] = (_request, response, body) => {
      bodies.push(body);
      response.end();
    };
    const { url } = await setUp({ answer });
    await post(url, deflateSync('hello'), { 'content-encoding': 'deflate' });
    expect(inflateSync(bodies[0]).toString()).toBe('hello');
  });
});

const tokens = fc
  .string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz-'), minLength: 1, maxLength: 12 })
  .filter((name) => name !== '__proto__');
const space = fc.constantFrom('', ' ', '\t', '  ');
const shuffledCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => Array.from(name, (letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(''));

describe('headers of a connection (RFC 9110, 7.6.1)', () => {
  const ALWAYS = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-connection'];

  it('end here, with all that Connection names, however it is written; all others go on', () => {
    const names = fc.uniqueArray(tokens, { maxLength: 8 });
    const listOf = (list: readonly string[]) =>
      fc
        .tuple(...list.map((name) => fc.tuple(space, shuffledCase(name), space).map((parts) => parts.join(''))))
        .map((parts) => parts.join(','));
    const sample = names.chain((all) =>
      fc
        .record({ all: fc.constant(all), named: fc.subarray(all) })
        .chain(({ all, named }) =>
          fc.record({ all: fc.constant(all), named: fc.constant(named), connection: listOf(named) }),
        ),
    );
    fc.assert(
      fc.property(sample, fc.subarray(ALWAYS.slice(1)), ({ all, named, connection }, more) => {
        const headers = Object.fromEntries([...all, ...more].map((name) => [name, 'value']));
        const kept = Object.keys(endToEnd({ ...headers, connection }));
        const ended = new Set([...named, ...ALWAYS]);
        expect(kept.sort()).toEqual(all.filter((name) => !ended.has(name) && !isHopByHop(name)).sort());
      }),
    );
  });
  const isHopByHop = (name: string): boolean => endToEnd({ [name]: 'value' })[name] === undefined;

  it("can't remove or replace the headers that the gateway adds", () => {
    const ours = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'content-length'];
    fc.assert(
      fc.property(fc.subarray(ours), fc.subarray(ours), (named, forged) => {
        const headers = {
          connection: named.join(', '),
          ...Object.fromEntries(forged.map((name) => [name, '1.2.3.4'])),
        };
        const client = { headers, ip: '192.0.2.7', host: 'edge', protocol: 'http' as const, method: 'POST', url: '/' };
        const forwarded = forwardedRequest(client, Buffer.from('abc'), new AbortController().signal);
        expect(forwarded.headers).toEqual({
          'x-forwarded-for': '192.0.2.7',
          'x-forwarded-host': 'edge',
          'x-forwarded-proto': 'http',
          'content-length': '3',
        });
      }),
    );
  });

  it('arrive so at the server', async () => {
    const { port, server } = await setUp();
    const socket = connect(port, '127.0.0.1').resume();
    ends.push(() => socket.destroy());
    socket.write(
      `POST ${INFER} HTTP/1.1\r\nhost: edge\r\nconnection: close, X-Forwarded-For , x-hop\r\nx-hop: 1\r\nx-end: 1\r\nx-forwarded-for: 1.2.3.4\r\ncontent-length: 1\r\n\r\nx`,
    );
    await soon(() => server.asked.length).toBe(1);
    const { headers } = server.asked[0];
    expect([headers['x-forwarded-for'], headers['x-hop'], headers['x-end']]).toEqual(['127.0.0.1', undefined, '1']);
  });
});

it('request targets that undici would refuse do not count against a server', async () => {
  const { port, gateway, server } = await setUp();
  const answerTo = async (line: string) => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    ends.push(() => socket.destroy());
    let text = '';
    socket.on('data', (more) => {
      text += more;
    });
    socket.write(`${line} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n`);
    await soon(() => socket.closed).toBe(true);
    return text.slice(9, 12);
  };
  expect(await answerTo('GET *')).toBe('400');
  expect(await answerTo('GET http://other.example/demo/')).toBe('200');
  expect(server.asked.map(({ url }) => url)).toEqual(['/demo/']);
  expect(gateway.upstreams[0].up).toBe(true);
});

describe('unusual requests', () => {
  const answersTo = async (port: number, text: string) => {
    const socket = rawConnection(port);
    ends.push(() => socket.destroy());
    socket.write(text);
    await soon(() => socket.closed).toBe(true);
    return socket.received.text;
  };
  const close = { connection: 'close' };

  it('that no server could answer do not count against one', async () => {
    const { port, gateway, server } = await setUp();
    const withBody = await answersTo(port, `${requestHead('GET', '/v2', { 'content-length': 5, ...close })}hello`);
    expect(withBody).toMatch(/^HTTP\/1\.1 200 /);
    const chunks = await answersTo(
      port,
      `${requestHead('GET', '/v2', { 'transfer-encoding': 'chunked', ...close })}0\r\n\r\n`,
    );
    expect(chunks).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answersTo(port, 'GET /v2 HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answersTo(port, requestHead('GET', '/%zz', close))).toMatch(/^HTTP\/1\.1 400 [\s\S]*nosniff/);
    expect(await answersTo(port, requestHead('GET', '/v2', { 'x-odd': 'a\xff\tb', ...close }))).toMatch(
      /^HTTP\/1\.1 200 /,
    );
    expect(server.asked.map(({ url }) => url)).toEqual(['/v2', '/v2', '/v2', '/v2']);
    expect(gateway.upstreams[0].up).toBe(true);
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).not.toMatch(
      /^lcdnn_gateway_unanswered_total\{/m,
    );
  });

  it('on one connection cannot fill the buffer, and are forgotten when it ends', async () => {
    const answer: FakeUpstream['answer'] = (_request, response) => void setTimeout(() => response.end('late'), 300);
    const { port, gateway, url, server } = await setUp({ answer }, { maxWaiting: 40 });
    const many = rawConnection(port);
    ends.push(() => many.destroy());
    many.write(`${requestHead('POST', INFER, { 'content-length': 1 })}x`.repeat(2000));
    await soon(() => many.closed).toBe(true);
    expect(server.asked.length).toBeLessThanOrEqual(32);
    const few = rawConnection(port);
    few.write(`${requestHead('POST', INFER, { 'content-length': 1 })}x`.repeat(20), () => few.destroy());
    await soon(() => gateway.upstreams[0].inFlight).toBe(0);
    expect((await post(url)).text).toBe('late');
    const waiting = async () => /^lcdnn_gateway_waiting (.*)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    expect(await waiting()).toBe('0');
  });
});

it('servers are added and removed while it runs, and no request is lost', async () => {
  const { gateway, url, server } = await setUp();
  const second = await fakeUpstream({ answer: (_request, response) => void response.end('second') });
  ends.push(() => second.kill());
  const [first, added] = [server, second].map(({ origin }) => ({ origin, capacity: CAPACITY }));
  const answers: Promise<{ reply: Response; text: string }>[] = [];
  const ask = () => {
    for (let i = 0; i < 20; i++) answers.push(post(url, 'first'));
    return Promise.all(answers);
  };
  await ask();
  await gateway.replaceServers([first, added]);
  expect(gateway.upstreams.map(({ origin, up }) => [origin, up])).toEqual([
    [first.origin, true],
    [added.origin, true],
  ]);
  await ask();
  const running = ask();
  await gateway.replaceServers([{ ...added, capacity: 2 }]);
  await running;
  expect(gateway.upstreams).toMatchObject([{ origin: added.origin, capacity: 2 }]);
  const before = server.asked.length;
  for (const { text } of (await ask()).slice(-20)) expect(text).toBe('second');
  expect(server.asked.length).toBe(before);
  for (const { reply } of await Promise.all(answers)) expect(reply.status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).not.toContain(`server_up{server="${first.origin}"}`);
});

it('lists of servers are used one after another, and no more once it closes', async () => {
  const { gateway, server } = await setUp();
  const others = await Promise.all([fakeUpstream(), fakeUpstream()]);
  for (const other of others) ends.push(() => other.kill());
  const [first, second, third] = [server, ...others].map(({ origin }) => ({ origin, capacity: CAPACITY }));
  const origins = () => gateway.upstreams.map(({ origin }) => origin);
  await Promise.all([gateway.replaceServers([first, second]), gateway.replaceServers([first, second])]);
  expect(origins()).toEqual([first.origin, second.origin]);
  await Promise.all([gateway.replaceServers([first, third]), gateway.replaceServers([first])]);
  expect(origins()).toEqual([first.origin]);
  const replaced = gateway.replaceServers([first, second]);
  await gateway.close();
  await replaced;
  await gateway.replaceServers([first, third]);
  expect(origins()).toEqual([first.origin]);
});

it("a busy server whose 503 never ends doesn't delay requests", async () => {
  const trickle: FakeUpstream['answer'] = (_request, response) => {
    response.writeHead(503);
    const timer = setInterval(() => response.write('.'), 100);
    response.on('close', () => clearInterval(timer));
  };
  const { url } = await setUp({ answer: trickle }, { timeoutMs: 5000 });
  expect((await post(url)).reply.status).toBe(503);
});

describe('a server whose answer is invalid', () => {
  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x', 503],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      503,
    ],
    ['a header of 64 KiB', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(65_536)}\r\ncontent-length: 2\r\n\r\n{}`, 503],
    [
      'thousands of interim answers',
      `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(5000)}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}`,
      503,
    ],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 503],
    ['status 999', 'HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}', 503],
    ['no HTTP', 'hello', 503],
    ['a chunk without a length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n', 502],
  ])('%s', async (_, answer, status) => {
    const { url, gateway, server } = await setUp({ answer: ({ socket }) => void socket.end(answer) });
    const { reply, text } = await post(url);
    expect([reply.status, JSON.parse(text)]).toEqual([status, { error: expect.any(String) }]);
    expect((await fetch(`${url}/file`)).status).toBe(status);
    await soon(() => gateway.upstreams[0].inFlight).toBe(0);
    server.answer = (_request, response, body) => void response.end(body);
    expect((await post(url, 'good')).text).toBe('good');
  });

  it('ignores an answer that no request waits for', async () => {
    const answer = (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    const { url, server } = await setUp({ answer: ({ socket }) => void socket.write(answer('mine') + answer('evil')) });
    expect((await post(url)).text).toBe('mine');
    server.answer = (_request, response, body) => void response.end(body);
    expect((await post(url, 'next')).text).toBe('next');
  });
});
