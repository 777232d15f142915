import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inferRequest } from '../infer-request.js';
import { BUNDLE } from './cli.js';
import { ask, questions, serving } from './serving.js';

const RUNS = 400;
/** Requests of a run, side by side: 10,000 in all. */
const TOGETHER = 25;
/** What memory may grow by while they come: the heap between two collections. */
const MOST_GROWTH = 96e6;

const asked = await questions(BUNDLE, 1);
const { manifest } = asked.bundle;
const size = manifest.tail.shape.reduce((all, length) => all * length, 1);
const LENGTH = 'inference-header-content-length';

/** A request as bytes; its headers end it after one answer. */
function raw(
  headers: Record<string, string | number>,
  body: Buffer | string,
  line = `POST /v2/models/${manifest.name}/infer HTTP/1.1`,
) {
  const all = { host: 'edge', connection: 'close', 'content-length': Buffer.byteLength(body), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${line}\r\n${head.join('')}\r\n`, 'latin1'), Buffer.from(body)]);
}

/** Tensors that lie about themselves or hold what is no number, in binary. */
const badTensors = fc
  .record({
    at: fc.nat(size - 1),
    value: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    cut: fc.nat(200),
    how: fc.constantFrom('value', 'cut', 'more', 'length'),
    length: fc.oneof(
      fc.integer().map(String),
      fc.string({ maxLength: 12, unit: 'grapheme-ascii' }),
      fc.constant('99999999999'),
    ),
  })
  .map(({ at, value, cut, how, length }) => {
    const values = new Float32Array(size);
    if (how === 'value') values[at] = value;
    const { headers, body } = inferRequest(manifest, values);
    if (how === 'cut') return raw(headers, body.subarray(0, body.length - 1 - cut));
    if (how === 'more') return raw(headers, Buffer.concat([body, Buffer.alloc(1 + cut)]));
    const other = length.trim() === headers[LENGTH] ? 'x' : length;
    return raw(how === 'length' ? { ...headers, [LENGTH]: other } : headers, body);
  });

/** JSON that is no request, or one with a field that is wrong. */
const badJson = fc
  .tuple(
    fc.constantFrom('inputs', 'outputs', 'parameters', 'id', 'name', 'shape', 'datatype', 'data', 'all', 'text'),
    fc.jsonValue({ maxDepth: 3 }),
    fc.string({ unit: 'binary' }),
  )
  .map(([field, value, text]) => {
    if (field === 'text') return raw({}, `${text}{`);
    if (field === 'all') return raw({}, JSON.stringify(value));
    const input = { name: 'shared', shape: [1, ...manifest.tail.shape], datatype: 'FP32', data: [] };
    const isInput = field in input;
    return raw(
      {},
      JSON.stringify({
        inputs: [isInput ? { ...input, [field]: value } : input],
        ...(isInput ? {} : { [field]: value }),
      }),
    );
  });

/** Heads that are no HTTP, or lie about the body. */
const badHeads = fc
  .record({
    how: fc.constantFrom('noise', 'line', 'length', 'chunks', 'header', 'path'),
    text: fc.string({ unit: 'binary', maxLength: 300 }),
    number: fc.integer(),
  })
  .map(({ how, text, number }) => {
    const { headers, body } = inferRequest(manifest, new Float32Array(size).fill(Number.NaN));
    if (how === 'noise') return Buffer.from(text);
    if (how === 'line') return raw(headers, body, text.replace(/[\r\n]/g, ''));
    if (how === 'length') return raw({ ...headers, 'content-length': number }, body);
    if (how === 'chunks') return raw({ ...headers, 'transfer-encoding': 'chunked' }, text);
    if (how === 'path') return raw({}, '', `GET /${encodeURIComponent(text).replaceAll('%2F', '/')} HTTP/1.1`);
    return raw({ ...headers, [text.replace(/[^\w-]/g, '') || 'x']: text.repeat(40) }, body);
  });

/** Status of each answer that comes until the server, or the end of what is sent, ends the connection. */
function send(port: number, bytes: Buffer): Promise<number[]> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.setEncoding('latin1').on('data', (text) => {
      reply += text;
    });
    socket.on('error', () => {}); // a reset: the server would not read to the end
    socket.on('close', () => resolve(Array.from(reply.matchAll(/^HTTP\/1\.1 (\d{3}) /gm), ([, code]) => Number(code))));
  });
}

it('10,000 malformed requests cost neither a crash, nor an answer, nor memory', async () => {
  const server = await serving(BUNDLE, ['--request-timeout', '5']);
  const port = Number(new URL(server.url).port);
  const seen = new Map<number, number>();
  let runs = 0;
  let before = 0;
  const bad = fc.oneof(badTensors, badJson, badHeads);
  await fc.assert(
    fc.asyncProperty(fc.array(bad, { minLength: TOGETHER, maxLength: TOGETHER }), async (requests) => {
      if (++runs === RUNS / 4) before = server.memory();
      for (const codes of await Promise.all(requests.map((bytes) => send(port, bytes)))) {
        for (const code of codes) seen.set(code, (seen.get(code) ?? 0) + 1);
        // Files and redirects are found by paths that happen to be right; everything else is the client's mistake.
        for (const code of codes) if (code >= 500 || code === 200) throw new Error(`found status ${code}`);
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(server.memory() - before).toBeLessThan(MOST_GROWTH);
  expect(seen.get(400)).toBeGreaterThan((RUNS * TOGETHER) / 3);
  expect(await ask(server, asked, 0)).toMatchObject({ logits: asked.answers[0] });
  server.child.kill('SIGINT');
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
});
