import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FakeUpstream, fakeUpstream } from '../../test/fake-upstream.js';
import { listen } from '../edge/listen.js';
import { RULES } from '../scheduling/policies/index.js';
import { createGateway, type Gateway, type GatewayOptions } from './gateway.js';

const INFER = '/v2/models/tiny/infer';
const policy = (name: string) => RULES[name]({ eta: 0.05 });
let ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.map((end) => end()));
  ends = [];
});

async function fake(change: Partial<FakeUpstream> = {}): Promise<FakeUpstream> {
  const made = await fakeUpstream(change);
  ends.push(() => made.kill());
  return made;
}

async function gatewayOf(
  upstreams: readonly Pick<FakeUpstream, 'origin'>[],
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: Gateway; url: string }> {
  const servers = upstreams.map(({ origin }) => ({ origin, capacity: 4 }));
  const timers = { reportEveryMs: 20, healthEveryMs: 20 };
  const gateway = await createGateway({ servers, policy: policy('round-robin'), ...timers, log: 'silent', ...options });
  const url = await listen(gateway, { host: '127.0.0.1', port: 0 });
  ends.push(() => gateway.close());
  return { gateway, url };
}

const post = (url: string, body = 'x', more: RequestInit = {}) =>
  fetch(url + INFER, { method: 'POST', body, ...more }).then(async (reply) => ({ reply, text: await reply.text() }));

const metric = async (url: string, line: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length));
};

/** A promise, and what fulfils it. */
function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('forwarding', () => {
  it('hands requests and answers on as they are, but for what connections say of themselves', async () => {
    const server = await fake({
      answer: (_request, response, body) =>
        response
          .writeHead(418, { 'lcdnn-tau': '0.5', 'content-encoding': 'x-own', 'keep-alive': 'timeout=99' })
          .end(Buffer.concat([body, body])),
    });
    const { url } = await gatewayOf([server]);
    const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const body = Buffer.alloc(300_000, 'bytes');
    const answer = await new Promise<{ status?: number; headers: object; body: Buffer }>((resolve, reject) => {
      const headers = {
        'inference-header-content-length': '7',
        te: 'trailers',
        connection: 'keep-alive, x-hop',
        'x-hop': '1',
        traceparent: TRACE,
      };
      const asked = httpRequest(`${url}${INFER}?a=1`, { method: 'POST', headers }, async (response) => {
        const parts: Buffer[] = [];
        for await (const part of response) parts.push(part);
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) });
      });
      asked.on('error', reject).end(body);
    });
    expect(answer).toMatchObject({ status: 418, headers: { 'lcdnn-tau': '0.5', 'content-encoding': 'x-own' } });
    expect(answer.body.equals(Buffer.concat([body, body]))).toBe(true);
    const [{ url: path, headers }] = server.asked;
    expect(path).toBe(`${INFER}?a=1`);
    expect(headers).toMatchObject({
      'inference-header-content-length': '7',
      'content-length': '300000',
      traceparent: TRACE,
      'x-forwarded-for': '127.0.0.1',
      host: new URL(server.origin).host,
    });
    expect([headers['x-hop'], headers.te]).toEqual([undefined, undefined]);
  });

  it('hands on what a server streams as it comes', async () => {
    const second = gate();
    const server = await fake({
      async answer(_request, response) {
        response.write('first');
        await second.opened;
        response.end('second');
      },
    });
    const { url } = await gatewayOf([server]);
    const { body } = await fetch(`${url}/big.bin`);
    const reader = body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first');
    second.open();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('second');
    expect((await reader.read()).done).toBe(true);
  });

  it('answers GET, HEAD and what is not modified without a body of its own', async () => {
    const server = await fake({
      answer(request, response) {
        if (request.headers['if-none-match']) response.writeHead(304).end();
        else response.writeHead(200, { 'content-length': 5 }).end(request.method === 'HEAD' ? '' : 'hello');
      },
    });
    const { url, gateway } = await gatewayOf([server]);
    expect(await (await fetch(`${url}/demo/`)).text()).toBe('hello');
    const head = await fetch(`${url}/demo/`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${url}/demo/`, { headers: { 'if-none-match': '"1"' } })).status).toBe(304);
    expect((await fetch(`${url}/demo/`, { method: 'DELETE' })).status).toBe(405);
    expect((await fetch(`${url}/lcdnn/use`)).status).toBe(404);
    await vi.waitFor(() => expect(gateway.upstreams[0].inFlight).toBe(0));
  });

  it('takes turns, and keeps connections', async () => {
    const sockets = new Set<unknown>();
    const answer: FakeUpstream['answer'] = (request, response) => {
      sockets.add(request.socket);
      response.end();
    };
    const servers = [await fake({ answer }), await fake({ answer })];
    const { url } = await gatewayOf(servers);
    for (let i = 0; i < 40; i++) await post(url);
    expect(servers.map(({ asked }) => asked.length)).toEqual([20, 20]);
    expect(sockets.size).toBeLessThanOrEqual(6); // metrics and health take some, too
  });
});

describe('a server that does not answer', () => {
  it.each<[string, FakeUpstream['answer']]>([
    ['dies', (request) => request.socket.destroy()],
    ['has too much to do', (_request, response) => response.writeHead(503).end('{}')],
    ['is slow', () => {}],
  ])('%s: another is asked, once, with the same body', async (_, answer) => {
    const bad = await fake({ answer });
    const good = await fake();
    const { url } = await gatewayOf([bad, good], { answerTimeoutMs: 300 });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => post(url, `body ${i}`)));
    expect(answers.map(({ reply, text }) => [reply.status, text])).toEqual(answers.map((_, i) => [200, `body ${i}`]));
    expect(bad.asked.length).toBeGreaterThan(0);
    expect(good.asked.length).toBe(8);
    expect(await metric(url, 'lcdnn_gateway_retries_total')).toBe(bad.asked.length);
  });

  it('nor do two others: 503, and the three were asked once each; a request that kills servers does not reach them all', async () => {
    const dying: FakeUpstream['answer'] = (request) => request.socket.destroy();
    const servers = await Promise.all([1, 2, 3, 4].map(() => fake({ answer: dying })));
    const { url } = await gatewayOf(servers);
    const { reply } = await post(url);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1']);
    expect(servers.map(({ asked }) => asked.length).sort()).toEqual([0, 1, 1, 1]);
  });

  it('cuts the client off where it dies within its answer', async () => {
    const server = await fake({
      answer(request, response) {
        response.writeHead(200).write('half', () => request.socket.destroy());
      },
    });
    const { url, gateway } = await gatewayOf([server]);
    await expect(post(url)).rejects.toThrow();
    await vi.waitFor(() => expect(gateway.upstreams[0].inFlight).toBe(0));
  });

  it('dies within a short answer: another one answers', async () => {
    const answer: FakeUpstream['answer'] = (request, response) =>
      void response.writeHead(200, { 'content-length': 10 }).write('half', () => request.socket.destroy());
    const [dying, other] = [await fake({ answer }), await fake()];
    const { url } = await gatewayOf([dying, other]);
    for (let i = 0; i < 4; i++) expect((await post(url)).reply.status).toBe(200);
    expect(dying.asked.length).toBeGreaterThan(0);
  });

  it('dies together with another: a third answers', async () => {
    const dying: FakeUpstream['answer'] = (request) => request.socket.destroy();
    const [first, second, third] = [await fake({ answer: dying }), await fake({ answer: dying }), await fake()];
    const { url } = await gatewayOf([first, second, third]);
    await first.kill();
    for (let i = 0; i < 6; i++) expect((await post(url)).reply.status).toBe(200);
    expect(third.asked.length).toBe(6);
  });

  it('and another one that is busy, too: no further one is bothered', async () => {
    const busy: FakeUpstream['answer'] = (_request, response) => response.writeHead(503).end('{}');
    const servers = await Promise.all([1, 2, 3].map(() => fake({ answer: busy })));
    const { url } = await gatewayOf(servers);
    expect((await post(url)).reply.status).toBe(503);
    expect(servers.map(({ asked }) => asked.length).sort()).toEqual([0, 1, 1]);
  });

  it('is taken out, and let in again, without a lost request', async () => {
    const servers = [await fake(), await fake()];
    const { url, gateway } = await gatewayOf(servers);
    await servers[0].kill();
    for (let i = 0; i < 4; i++) expect((await post(url)).reply.status).toBe(200);
    await vi.waitFor(() => expect(gateway.upstreams.map(({ up }) => up)).toEqual([false, true]));
    expect(await metric(url, `lcdnn_gateway_server_up{server="${servers[0].origin}"}`)).toBe(0);
    await servers[0].revive();
    await vi.waitFor(() => expect(gateway.upstreams[0].up).toBe(true), { timeout: 10_000 });
    for (let i = 0; i < 4; i++) expect((await post(url)).reply.status).toBe(200);
    expect(servers[0].asked.length).toBe(2);
  });

  it('says that it is not ready: it is sent nothing more', async () => {
    const servers = [await fake(), await fake()];
    const { url, gateway } = await gatewayOf(servers);
    servers[1].ready = false;
    await vi.waitFor(() => expect(gateway.upstreams[1].up).toBe(false), { timeout: 10_000 });
    for (let i = 0; i < 4; i++) await post(url);
    expect(servers.map(({ asked }) => asked.length)).toEqual([4, 0]);
  });
});

describe('overflow', () => {
  it('goes to the remote, or comes again later', async () => {
    for (const withRemote of [true, false]) {
      const { open, opened } = gate();
      const server = await fake({ answer: (_request, response) => void opened.then(() => response.end('edge')) });
      const remote = await fake({ answer: (_request, response) => void response.end('remote') });
      const options = { maxWaiting: 2, remote: withRemote ? remote.origin : undefined, policy: policy('least-loaded') };
      const { url, gateway } = await gatewayOf([server], options);
      const early = Array.from({ length: 4 }, () => post(url));
      await vi.waitFor(() => expect(gateway.upstreams[0].inFlight).toBe(4));
      early.push(post(url), post(url));
      await vi.waitFor(async () => expect(await metric(url, 'lcdnn_gateway_waiting')).toBe(2));
      const { reply, text } = await post(url);
      if (withRemote) expect([reply.status, text]).toEqual([200, 'remote']);
      else expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2']);
      open();
      for (const answer of await Promise.all(early)) expect(answer.text).toBe('edge');
      expect(await metric(url, `lcdnn_gateway_overflow_total{to="${withRemote ? 'remote' : 'refused'}"}`)).toBe(1);
    }
  });

  it('is everything while no server is up', async () => {
    const server = await fake();
    const remote = await fake({ answer: (_request, response) => void response.end('remote') });
    const { url } = await gatewayOf([server], { remote: remote.origin });
    await server.kill();
    for (let i = 0; i < 3; i++) expect((await post(url)).text).toBe('remote');
    await remote.kill();
    expect((await post(url)).reply.status).toBe(502);
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(503);
  });
});

describe('clients', () => {
  it('that left, or whose time is over, are dropped from the buffer', async () => {
    const { open, opened } = gate();
    const server = await fake({ answer: (_request, response) => void opened.then(() => response.end()) });
    const { url, gateway } = await gatewayOf([server], { policy: policy('least-loaded'), timeoutMs: 60_000 });
    const early = Array.from({ length: 4 }, () => post(url));
    await vi.waitFor(() => expect(gateway.upstreams[0].inFlight).toBe(4));
    const head = JSON.stringify({ parameters: { timeout: 50_000 } });
    const headers = { 'inference-header-content-length': `${head.length}` };
    const { reply, text } = await post(url, head, { headers });
    expect([reply.status, text]).toEqual([504, '{"error":"timeout: no answer within 50 ms"}']);
    const leaving = new AbortController();
    const left = post(url, 'x', { signal: leaving.signal }).catch(() => 'left');
    await vi.waitFor(async () => expect(await metric(url, 'lcdnn_gateway_waiting')).toBe(1));
    leaving.abort();
    expect(await left).toBe('left');
    await vi.waitFor(async () => expect(await metric(url, 'lcdnn_gateway_waiting')).toBe(0));
    open();
    await Promise.all(early);
    expect(server.asked.length).toBe(4);
    expect(await metric(url, 'lcdnn_gateway_requests_total{code="499"}')).toBe(1);
  });

  it('need the token to infer, which the servers are asked with, too', async () => {
    const server = await fake();
    const { url } = await gatewayOf([server], { token: 'secret', cors: ['https://shop.example'] });
    expect((await post(url)).reply.status).toBe(401);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const headers = { authorization: 'Bearer secret', origin: 'https://shop.example' };
    const { reply } = await post(url, 'x', { headers });
    expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([200, 'https://shop.example']);
    expect(server.asked[0].headers.authorization).toBe('Bearer secret');
  });

  it('may not send more than there is room for', async () => {
    const { url } = await gatewayOf([await fake()], { maxBodyBytes: 1000 });
    expect((await post(url, 'x'.repeat(1001))).reply.status).toBe(413);
    expect((await post(url, 'x'.repeat(1000))).reply.status).toBe(200);
  });
});

it('lets running requests end when it is drained, and tells balancers first', async () => {
  const { open, opened } = gate();
  const server = await fake({ answer: (_request, response) => void opened.then(() => response.end('late')) });
  const { url, gateway } = await gatewayOf([server], { policy: policy('least-loaded') });
  const running = Array.from({ length: 6 }, () => post(url)); // two of them wait for a place
  await vi.waitFor(async () => expect(await metric(url, 'lcdnn_gateway_waiting')).toBe(2));
  const drained = gateway.drain(200);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(503);
  setTimeout(open, 400);
  for (const { reply, text } of await Promise.all(running)) expect([reply.status, text]).toEqual([200, 'late']);
  await drained;
  await expect(fetch(url)).rejects.toThrow();
});

describe('what it can do nothing with', () => {
  it('at the start', async () => {
    const start = (servers: { origin: string }[]) => gatewayOf(servers);
    await expect(start([])).rejects.toThrow('expected servers, found none');
    const gone = await fakeUpstream();
    await gone.kill();
    await expect(start([gone])).rejects.toThrow(
      `expected a server that is ready, found none at ${gone.origin}/v2/health/ready`,
    );
    await expect(start([await fake({ metrics: 'lcdnn_requests_in_flight{model="tiny"} ?\n' }), gone])).rejects.toThrow(
      /\/metrics: expected metrics that this gateway can read, found a fault \(expected a number from 0/,
    );
  });

  it('a server of another kind is no mistake: the own requests to it are counted', async () => {
    const servers = [await fake({ metrics: 'up 1\n' }), await fake()];
    const { url } = await gatewayOf(servers);
    for (let i = 0; i < 20; i++) expect((await post(url)).reply.status).toBe(200);
    expect(servers.every(({ asked }) => asked.length > 0)).toBe(true);
    expect(await metric(url, 'lcdnn_gateway_fallback')).toBe(0);
  });

  it('while it runs: it goes on with least-loaded, and says so until that is mended', async () => {
    const server = await fake();
    const { url } = await gatewayOf([server]);
    const good = server.metrics;
    server.metrics = 'lcdnn_requests_in_flight{model="tiny"} many\n';
    const says = (value: number) => async () => {
      expect((await post(url)).reply.status).toBe(200);
      expect(await metric(url, 'lcdnn_gateway_fallback')).toBe(value);
    };
    await vi.waitFor(says(1), { timeout: 10_000 });
    server.metrics = good;
    await vi.waitFor(says(0), { timeout: 10_000 });
  });
});
