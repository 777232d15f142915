import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EdgeFunction, EdgeTensor } from '../../templates/lcdnn.js';
import { fromHalf } from '../base/half.js';
import { type Encoding, encode } from '../export/encoding.js';

interface EdgeModule {
  openEdge(
    edge: string | EdgeFunction,
    manifest: object,
    options: object,
  ): {
    ask(own: { shared: Float32Array }, answer: object, stop: AbortSignal, deadline: number): Promise<Float32Array>;
  };
}

const { openEdge }: EdgeModule = await import(new URL('../../templates/lcdnn-edge.js', import.meta.url).href);

/** A function that asks the edge, and gives how many bytes were sent. */
function open(edge: string | EdgeFunction, tail: object): (shared: Float32Array) => Promise<number> {
  const { ask } = openEdge(edge, { name: 'any', labels: ['a', 'b'], tail }, { tally: { exits: 0 } });
  return async (shared) => {
    const bytes = { sent: 0, received: 0 };
    await ask({ shared }, { bytes }, new AbortController().signal, Infinity);
    return bytes.sent;
  };
}

/** What a page sends of these values. */
async function sent(values: Float32Array, encoding: Encoding): Promise<EdgeTensor> {
  let found: EdgeTensor | undefined;
  const edge: EdgeFunction = async (tensor) => {
    found = tensor;
    return [1, 2];
  };
  const tail = { shape: [values.length], input: 'shared', output: 'logits', ...encoding };
  await open(edge, tail)(values);
  return found!;
}

it('every half-precision value, what lies half-way to the next, and both sides of that, are sent as Node encodes them', async () => {
  const all = Array.from({ length: 65_536 }, (_, bits) => fromHalf(bits));
  const ends = all.slice(0, -1).map((value, bits) => Math.fround((value + all[bits + 1]) / 2));
  const beside = ends.flatMap((value) => [value * (1 - 2 ** -22), value * (1 + 2 ** -22)]);
  const odd = [-0, 1e-8, -1e-8, 2 ** -25, 3 * 2 ** -26, 1e-40, 65519, 65520, -65520, 1e9, -1e9, Infinity];
  const values = Float32Array.from([...all, ...ends, ...beside, ...odd]);
  const [found, expected] = [await sent(values, { datatype: 'FP16' }), encode(values, { datatype: 'FP16' })];
  const wrong = found.findIndex((bits, i) => bits !== expected[i]);
  expect(wrong === -1 ? 'none' : `${values[wrong]}: ${found[wrong]}, not ${expected[wrong]}`).toBe('none');
});

it('any values are sent as Node encodes them, NaN and Infinity too', async () => {
  const scales = fc.array(fc.float({ min: Math.fround(1e-6), max: 100, noNaN: true }), { minLength: 1, maxLength: 4 });
  const offset = fc.option(fc.float({ min: -10, max: 10, noNaN: true }), { nil: undefined });
  const any = fc.record({ values: fc.array(fc.float()), scale: scales, offset });
  await fc.assert(
    fc.asyncProperty(any, async ({ values, scale, offset }) => {
      const given = Float32Array.from(values);
      const bytes: Encoding = {
        datatype: 'UINT8',
        scale,
        offset: offset === undefined ? offset : scale.map(() => offset),
      };
      for (const encoding of [{}, { datatype: 'FP16' }, bytes] satisfies Encoding[]) {
        expect(await sent(given, encoding)).toEqual(encode(given, encoding));
      }
    }),
  );
});

it('a request is deflated where that is smaller, and sent again as it is to a server that can not inflate', async () => {
  const seen: [encoding: string | undefined, bytes: number, tensor: number[]][] = [];
  let inflates = true;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const encoding = request.headers['content-encoding'];
    const plain = encoding === 'deflate' ? inflateSync(body) : body;
    const at = Number(request.headers['inference-header-content-length']);
    expect(JSON.parse(plain.subarray(0, at).toString()).inputs[0]).toMatchObject({ datatype: 'UINT8' });
    seen.push([encoding, body.length, [...new Set(plain.subarray(at))]]);
    if (encoding && !inflates) response.writeHead(415).end('no');
    else response.end(JSON.stringify({ outputs: [{ name: 'logits', data: [1, 2] }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tail = { shape: [5000], input: 'shared', output: 'logits', datatype: 'UINT8', scale: [1] };
  const ask = open(url, tail);
  const asked = () => {
    seen.length = 0;
    return ask(new Float32Array(5000).fill(7));
  };
  expect(await asked()).toBeLessThan(500);
  expect(seen).toEqual([['deflate', expect.any(Number), [7]]]);
  inflates = false;
  expect(await asked()).toBeGreaterThan(5000);
  expect(seen.map(([encoding]) => encoding)).toEqual(['deflate', undefined]);
  await asked();
  expect(seen).toEqual([[undefined, expect.any(Number), [7]]]);
  server.closeAllConnections();
  server.close();
});
