import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromHalf } from '../../src/base/half.js';
import type { Values } from '../../src/bundle/datatypes.js';
import { importLoader } from '../../src/bundle/import-loader.js';
import { type Encoding, encode } from '../../src/export/uplink/encoding.js';
import { tinyBundle, tinyImages } from '../tiny-bundle.js';

const { encode: sent }: { encode(values: Float32Array, tail: Encoding): Values } = await import(
  new URL('../../templates/loader/lcdnn-edge.js', import.meta.url).href
);

it('every half-precision value, what lies half-way to the next, and both sides of that, are sent as Node encodes them', () => {
  const all = Array.from({ length: 65_536 }, (_, bits) => fromHalf(bits));
  const ends = all.slice(0, -1).map((value, bits) => Math.fround((value + all[bits + 1]) / 2));
  const beside = ends.flatMap((value) => [value * (1 - 2 ** -22), value * (1 + 2 ** -22)]);
  const odd = [-0, 1e-8, -1e-8, 2 ** -25, 3 * 2 ** -26, 1e-40, 65519, 65520, -65520, 1e9, -1e9, Infinity];
  const values = Float32Array.from([...all, ...ends, ...beside, ...odd]);
  const [found, expected] = [sent(values, { datatype: 'FP16' }), encode(values, { datatype: 'FP16' })];
  const wrong = found.findIndex((bits, i) => bits !== expected[i]);
  expect(wrong === -1 ? 'none' : `${values[wrong]}: ${found[wrong]}, not ${expected[wrong]}`).toBe('none');
});

it('any values are sent as Node encodes them, NaN and Infinity too', () => {
  const scales = fc.array(fc.float({ min: Math.fround(1e-6), max: 100, noNaN: true }), { minLength: 1, maxLength: 4 });
  const offset = fc.option(fc.float({ min: -10, max: 10, noNaN: true }), { nil: undefined });
  const any = fc.record({ values: fc.array(fc.float()), scale: scales, offset });
  fc.assert(
    fc.property(any, ({ values, scale, offset }) => {
      const given = Float32Array.from(values);
      const bytes: Encoding = {
        datatype: 'UINT8',
        scale,
        offset: offset === undefined ? offset : scale.map(() => offset),
      };
      for (const encoding of [{}, { datatype: 'FP16' }, bytes] satisfies Encoding[]) {
        expect(sent(given, encoding)).toEqual(encode(given, encoding));
      }
    }),
  );
});

it('a request is deflated where that is smaller, and sent again as it is to a server that can not inflate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-uplink-'));
  const { manifest } = await tinyBundle(folder);
  const tensorBytes = 4 * manifest.tail.shape.reduce((product, size) => product * size, 1);
  const seen: [encoding: string | undefined, status: number][] = [];
  let refusal = 0;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const encoding = request.headers['content-encoding'];
    const plain = encoding === 'deflate' ? inflateSync(body) : body;
    const at = Number(request.headers['inference-header-content-length']);
    const fits = plain.length === at + tensorBytes && JSON.parse(plain.subarray(0, at).toString()).inputs.length === 1;
    const status = encoding && refusal ? refusal : fits ? 200 : 500;
    seen.push([encoding, status]);
    response.writeHead(status).end(JSON.stringify({ outputs: [{ name: 'logits', data: [1, 2, 3] }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { load } = await importLoader(folder, manifest);
  const open = () => load(pathToFileURL(`${folder}/`), { edge, tau: 0, timeoutMs: Number.POSITIVE_INFINITY });
  const [image] = tinyImages(1);
  const ask = async (model: Awaited<ReturnType<typeof open>>) => {
    seen.length = 0;
    const { by, bytes } = await model.classify(image);
    expect(by).toBe('edge');
    return bytes.sent;
  };

  expect(await ask(await open())).toBeLessThan(tensorBytes);
  expect(seen).toEqual([['deflate', 200]]);
  for (refusal of [400, 415]) {
    const model = await open();
    expect(await ask(model)).toBeGreaterThan(tensorBytes);
    expect(seen).toEqual([
      ['deflate', refusal],
      [undefined, 200],
    ]);
    await ask(model);
    expect(seen).toEqual([[undefined, 200]]);
  }
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
