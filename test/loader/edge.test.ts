import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { openTail, type Tail } from '../../src/edge/tail.js';
import type { EdgeFunction, LoadOptions, Model } from '../../templates/loader/lcdnn.js';
import { LABELS, largest, program, tinyBundle, tinyImages } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-edge-'));
const images = tinyImages(4);
const [image] = images;
let bundle: Bundle;
let tail: Tail;
let server: FastifyInstance;
let url: string;
/** The model, which asks the edge for every image. */
let load: (options: LoadOptions) => Promise<Model>;

beforeAll(async () => {
  bundle = await tinyBundle(folder);
  tail = await openTail(bundle);
  const loader = await importLoader(folder, bundle.manifest);
  load = (options) => loader.load(pathToFileURL(`${folder}/`), { tau: 0, ...options });
  server = await createEdgeServer(bundle);
  url = await server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server?.close();
  await tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the edge', () => {
  it('is asked over HTTP for the same answer as in the process', async () => {
    const remote = await load({ edge: `${url}/` });
    const local = await load({ edge: (tensor) => tail.infer(tensor, 1) });
    for (const image of images) {
      const { probabilities, by, bytes } = await remote.classify(image);
      expect([by, probabilities]).toEqual(['edge', (await local.classify(image)).probabilities]);
      expect(bytes.sent).toBeGreaterThan(program.shared.length);
      expect(bytes.sent).toBeLessThan(4 * program.shared.length);
      expect(bytes.received).toBeGreaterThan(4 * LABELS.length);
    }
  });

  it('that is being asked when the model is disposed of is told, and the call is rejected at once', async () => {
    const asked: AbortSignal[] = [];
    const model = await load({
      edge: (_tensor, _shape, signal) => {
        asked.push(signal);
        return new Promise(() => {});
      },
    });
    const answer = model.classify(image);
    await expect.poll(() => asked.length).toBe(1);
    model.dispose();
    await expect(answer).rejects.toThrow('the model was disposed of; load it again');
    expect(asked[0].aborted).toBe(true);
  });

  it('that audits an answer when the model is disposed of leaves no rejection behind', async () => {
    const asked: AbortSignal[] = [];
    const rejected = vi.fn();
    process.on('unhandledRejection', rejected);
    const model = await load({
      tau: 1.1, // every answer is sure, and is audited
      audit: 1,
      edge: (_tensor, _shape, signal) => {
        asked.push(signal);
        return new Promise(() => {});
      },
    });
    expect((await model.classify(image)).by).toBe('branch');
    await expect.poll(() => asked.length).toBe(1);
    model.dispose();
    await expect.poll(() => asked[0].aborted).toBe(true);
    await new Promise(setImmediate);
    process.off('unhandledRejection', rejected);
    expect(rejected).not.toHaveBeenCalled();
  });

  it('is asked many times at once without the warning of a leak', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const model = await load({ edge: (tensor) => tail.infer(tensor, 1) });
    await Promise.all(Array.from({ length: 20 }, () => model.classify(image)));
    await new Promise(setImmediate);
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  it.each<[string, () => LoadOptions, RegExp]>([
    ['is not given', () => ({ edge: false }), /^no edge server was given$/],
    ['is away', () => ({ edge: 'http://127.0.0.1:2' }), /no answer \(fetch failed\)$/],
    ['knows no such model', () => ({ edge: `${url}/other` }), /HTTP 404/],
    ['fails', () => ({ edge: () => Promise.reject(new Error('broken')) }), /^broken$/],
    [
      'fails at once',
      () => ({
        edge: () => {
          throw new Error('broken');
        },
      }),
      /^broken$/,
    ],
    ['throws no error', () => ({ edge: () => Promise.reject('broken') }), /^broken$/],
    ['does not answer', () => ({ edge: () => new Promise(() => {}), timeoutMs: 1 }), /^the edge did not .* 1 ms$/],
    ['answers nothing', () => ({ edge: async () => undefined as never }), /3 finite logits from the edge/],
    ['answers too much', () => ({ edge: async () => [1, 2, 3, 4] }), /3 finite logits from the edge, found 4 values/],
    ['answers NaN', () => ({ edge: async () => Float32Array.of(1, Number.NaN, 2) }), /3 finite logits from the edge/],
  ])("that %s leaves the branch's answer, marked unsure", async (_, options, reason) => {
    const model = await load(options());
    const own = await model.branch(image);
    const answer = await model.classify(image);
    const expected = { by: 'branch', unsure: true, index: largest(own.logits), probabilities: own.probabilities };
    expect(answer).toMatchObject({ ...expected, edgeError: expect.stringMatching(reason) });
  });

  it('is waited for without end where the time is', async () => {
    const edge: EdgeFunction = async (tensor) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return tail.infer(tensor, 1);
    };
    const model = await load({ edge, timeoutMs: Number.POSITIVE_INFINITY });
    expect(await model.classify(image)).toMatchObject({ by: 'edge', unsure: false });
  });

  it('is believed only where its reply makes sense', async () => {
    const logits = { name: 'logits', shape: [1, 3], datatype: 'FP32' };
    const head = (output: object) => JSON.stringify({ outputs: [{ ...logits, ...output }] });
    const binary = head({ parameters: { binary_data_size: 12 } });
    const tensor = '\0'.repeat(12);
    const replies: [body: string, length: number | undefined, by: string][] = [
      [head({ data: [[1, 3, 2]] }), undefined, 'edge'],
      [binary + tensor, binary.length, 'edge'],
      ['', undefined, 'branch'],
      ['<html>', undefined, 'branch'],
      ['null', undefined, 'branch'],
      ['{}', undefined, 'branch'],
      [head({ name: 'other', data: [1, 3, 2] }), undefined, 'branch'],
      [head({ data: [1, 3] }), undefined, 'branch'],
      [head({ data: ['1', '3', '2'] }), undefined, 'branch'],
      [head({}), undefined, 'branch'],
      [binary + tensor.slice(1), binary.length, 'branch'],
      [binary, binary.length, 'branch'],
      [binary + tensor, 1e9, 'branch'],
      [binary + tensor, 5, 'branch'],
      [head({ parameters: { binary_data_size: 1e12 } }) + tensor, binary.length, 'branch'],
    ];
    let turn = 0;
    const odd = createServer((request, response) => {
      const [body, length] = replies[turn];
      if (length !== undefined) response.setHeader('inference-header-content-length', length);
      request.resume().on('end', () => response.end(body));
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const edge = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
    for (; turn < replies.length; turn++) {
      const model = await load({ edge });
      const { by, unsure } = await model.classify(image);
      expect([replies[turn][0], by, unsure]).toEqual([replies[turn][0], replies[turn][2], by === 'branch']);
    }
    odd.closeAllConnections();
    odd.close();
  });
});
