import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readKernels } from '../../kernels/harness.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { completeManifest } from '../../src/bundle/write-bundle.js';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import type * as Loader from '../../templates/loader/lcdnn.js';
import type { LoadOptions, Model, RgbaImage } from '../../templates/loader/lcdnn.js';
import { fullNetworkLogits } from '../full-network.js';
import { LABELS, largest, SIZE, tinyBundle } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-first-'));
const LEVELS = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => (i * 91) % 256);
let bundle: Bundle;
let server: EdgeServer;
let url: string;
let load: (options?: LoadOptions, base?: string) => Promise<Model>;

beforeAll(async () => {
  bundle = await tinyBundle(folder, { tau: 1 });
  // Node imports nothing over HTTP: the static entry has all scripts.
  const loader: typeof Loader = await import(pathToFileURL(join(folder, 'lcdnn-static.js')).href);
  server = await createEdgeServer(bundle);
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  load = (options, base = url) => loader.load(base, { first: 'edge', ...options });
});
afterEach(() => {
  vi.unstubAllGlobals();
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A network in which the weights wait until `release` is called, and requests to the edge have this fate. */
function network(infer: (request: () => Promise<Response>, signal: AbortSignal) => Promise<Response> = (go) => go()) {
  const asked: string[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', async (given: string | URL, options: RequestInit) => {
    const { pathname } = new URL(given);
    asked.push(pathname);
    if (pathname.endsWith('/infer')) return infer(() => real(given, options), options.signal!);
    if (pathname.endsWith('weights.safetensors')) await gate;
    return real(given, options);
  });
  const requests = () => asked.filter((path) => path.endsWith('/infer'));
  return { asked, requests, release: () => release() };
}

const down = () => Promise.reject(new TypeError('fetch failed'));
const silent = (_: unknown, signal: AbortSignal) =>
  new Promise<Response>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe("with first: 'edge'", () => {
  it('the edge answers with the whole network until the branch is there', async () => {
    const { asked, requests, release } = network();
    const model = await load();
    expect(model).toMatchObject({ worker: false, verified: false, edge: { state: 'closed' }, tau: 1, stale: false });
    const answer = await model.classify(LEVELS);
    const logits = await fullNetworkLogits(LEVELS);
    const index = largest(logits);
    expect(answer).toMatchObject({ by: 'edge', index, label: LABELS[index], unsure: false, tau: 1 });
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    expect(answer.probabilities[index]).toBeCloseTo(Math.exp(logits[index]) / sum, 4);
    expect(answer.entropy).toBeCloseTo(
      -logits.reduce((all, logit) => all + (Math.exp(logit) / sum) * Math.log(Math.exp(logit) / sum), 0) / Math.log(3),
      4,
    );
    expect(answer.bytes.sent).toBeGreaterThan(0);
    expect(requests()).toEqual(['/v2/models/tiny-image/infer']);
    // The branch's files come after those that the edge needs.
    expect(asked.indexOf('/weights.safetensors')).toBeGreaterThan(asked.indexOf('/manifest.json'));

    const waiting = [model.branch(LEVELS), model.classify(LEVELS, { edge: 'never' })] as const;
    release();
    await model.ready;
    expect(model).toMatchObject({ simd: true, verified: true });
    const [own, never] = await Promise.all(waiting);
    expect(never).toMatchObject({ by: 'branch', probabilities: own.probabilities });
    expect(await model.classify(LEVELS)).toMatchObject({ by: 'branch', exit: 1, entropy: own.entropy });
    expect(requests()).toHaveLength(1);
    model.dispose();
    await expect(model.classify(LEVELS)).rejects.toThrow('the model was disposed of');
  });

  it('a call waits for the branch if the edge does not answer', async () => {
    const { release } = network(down);
    const model = await load();
    const answer = model.classify(LEVELS);
    setTimeout(release, 500); // the request is retried once
    expect(await answer).toMatchObject({ by: 'branch', exit: 1, edgeError: expect.stringMatching(/fetch failed/) });
    model.dispose();
  });

  it('the branch answers as soon as it can if the edge takes longer', async () => {
    const { release } = network(silent);
    const model = await load({ timeoutMs: Number.POSITIVE_INFINITY });
    const answer = model.classify(LEVELS);
    setTimeout(release, 50);
    expect(await answer).toMatchObject({ by: 'branch', exit: 1, unsure: false });
    model.dispose();
  });

  it('a branch that can not be loaded is reported, and the edge goes on', async () => {
    const network_ = network();
    const fetch_ = globalThis.fetch;
    vi.stubGlobal('fetch', async (given: string | URL, options: RequestInit) =>
      String(given).endsWith('weights.safetensors') ? new Response('gone', { status: 404 }) : fetch_(given, options),
    );
    const model = await load();
    await expect(model.ready).rejects.toThrow(/weights\.safetensors: expected a file of the bundle, found HTTP 404/);
    expect(await model.classify(LEVELS)).toMatchObject({ by: 'edge' });
    await expect(model.classify(LEVELS, { edge: 'never' })).rejects.toThrow(/weights\.safetensors/);
    expect(network_.requests()).toHaveLength(1);
    model.dispose();
  });

  it('a model that is disposed of, or whose signal fires, ends loading and calls', async () => {
    for (const end of ['dispose', 'abort'] as const) {
      network(silent);
      const stop = new AbortController();
      const model = await load({ signal: stop.signal, timeoutMs: Number.POSITIVE_INFINITY });
      const pending = model.classify(LEVELS);
      const outcomes = Promise.allSettled([pending, model.ready]);
      if (end === 'dispose') model.dispose();
      else stop.abort(new Error('no longer wanted'));
      const reason = end === 'dispose' ? /disposed of/ : /no longer wanted/;
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(reason) } });
      }
      await expect(model.classify(LEVELS)).rejects.toThrow(reason);
      model.dispose();
    }
  });

  it('load waits for the branch if no edge takes images', async () => {
    const { entries: _, ...manifest } = bundle.manifest;
    const old = await createEdgeServer({ ...bundle, manifest: completeManifest({ manifest, files: bundle.files }) });
    const oldUrl = await old.listen({ host: '127.0.0.1', port: 0 });
    for (const [base, options] of [
      [url, { edge: false }],
      [oldUrl, {}],
    ] as const) {
      const { requests } = network();
      const loading = load(options, base);
      let isLoaded = false;
      void loading.then(() => {
        isLoaded = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(isLoaded).toBe(false);
      vi.unstubAllGlobals();
      (await load(options, base)).dispose();
      expect(requests()).toEqual([]);
    }
    await old.close();
  });

  it('a function as the edge is told which model to compute', async () => {
    const { release } = network();
    const seen: unknown[] = [];
    const edge: LoadOptions['edge'] = async (tensor, shape, _signal, model) => {
      seen.push([model, shape, tensor.constructor.name]);
      return [0, 0, 9];
    };
    const model = await load({ edge, tau: 0 });
    expect((await model.classify(LEVELS)).index).toBe(2);
    release();
    await model.ready;
    await model.classify(LEVELS);
    const { shape } = bundle.manifest.tail;
    expect(seen).toEqual([
      ['tiny-image', [1, SIZE, SIZE, 1], 'Uint8Array'],
      ['tiny', [1, ...shape], 'Float32Array'],
    ]);
    model.dispose();
  });

  it('an image that is refused later is refused now', async () => {
    const { requests } = network();
    const model = await load();
    await expect(model.classify(new Float32Array(3))).rejects.toThrow('image: expected 16 x 16 x 1 values, found 3');
    expect(requests()).toEqual([]);
    model.dispose();
  });
});

/** An RGBA image of another size, with waves, noise and some transparency. */
function picture(width: number, height: number): RgbaImage {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < data.length; i++) {
    data[i] = i % 4 === 3 ? (i % 28 === 3 ? 100 : 255) : 128 + 90 * Math.sin(i / 37) + ((i * 7919) % 41);
  }
  return { width, height, data };
}

it.each([
  ['grey, stretched', [SIZE, SIZE, 1], undefined],
  ['colour, cropped', [20, 20, 3], 24],
] as const)('images are scaled without WebAssembly as with it: %s', async (_, shape, resize) => {
  const { resample } = await import('../../templates/loader/parts/resize.js' as string);
  const { scalarMemory } = await import('../../templates/loader/parts/scalar-memory.js' as string);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readKernels('scalar')));
  const wasm = wasmMemory(exports);
  for (const [width, height] of [
    [SIZE, SIZE],
    [33, 40],
    [9, 11],
    [300, 200],
    [1280, 720],
  ]) {
    const image = picture(width, height);
    const expected: Uint8ClampedArray = resample(wasm(), image, shape, resize);
    const found: Uint8ClampedArray = resample(scalarMemory(), image, shape, resize);
    const differences = Array.from(found, (level, i) => Math.abs(level - expected[i]));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(differences.filter((difference) => difference > 0).length).toBeLessThan(found.length / 100);
  }
});

it('an image of one colour keeps it, whatever its size and whatever it becomes', async () => {
  const { resample } = await import('../../templates/loader/parts/resize.js' as string);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readKernels('simd')));
  const wasm = wasmMemory(exports);
  const length = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 900 }));
  const size = fc.tuple(length, length);
  const shape = fc.tuple(fc.constantFrom(1, 4, 17, 28), fc.constantFrom(1, 3));
  fc.assert(
    fc.property(
      size,
      shape,
      fc.nat(5),
      fc.boolean(),
      fc.nat(255),
      ([width, height], [side, channels], more, crops, level) => {
        const data = Uint8Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : level));
        const found: Uint8Array = resample(
          wasm(),
          { width, height, data },
          [side, side, channels],
          crops && side + more,
        );
        expect(new Set(found)).toEqual(new Set([level]));
      },
    ),
    { numRuns: 60 },
  );
});

describe("with edge: 'race'", () => {
  const loaded = async (options: LoadOptions = {}) => load({ first: undefined, ...options });

  it('a sure branch wins if the edge takes longer, and ends its request', async () => {
    let request: AbortSignal | undefined;
    const { release } = network((_, signal) => {
      request = signal;
      return silent(_, signal);
    });
    release();
    const model = await loaded();
    const answer = await model.classify(LEVELS, { edge: 'race' });
    expect(answer).toMatchObject({ by: 'branch', exit: 1, unsure: false });
    await vi.waitFor(() => expect(request?.aborted).toBe(true));
    expect(model.edge.state).toBe('closed');
    model.dispose();
  });

  it('the edge wins if the branch is unsure, with the whole network’s answer', async () => {
    const { requests, release } = network();
    release();
    const model = await loaded({ tau: 0 });
    const answer = await model.classify(LEVELS, { edge: 'race' });
    expect(answer).toMatchObject({ by: 'edge', index: largest(await fullNetworkLogits(LEVELS)), unsure: false });
    expect(requests()).toEqual(['/v2/models/tiny-image/infer']);
    model.dispose();
  });

  it.each<[string, Parameters<typeof network>[0], object, RegExp]>([
    ['is down', down, {}, /fetch failed/],
    ['does not answer within the budget', silent, { budgetMs: 30 }, /did not answer within 30 ms/],
    ['may take no time', silent, { budgetMs: 0 }, /the budget of 0 ms ran out/],
  ])('the unsure branch’s answer counts if the edge %s', async (_, infer, options, reason) => {
    const { release } = network(infer);
    release();
    const model = await loaded({ tau: 0 });
    const answer = await model.classify(LEVELS, { edge: 'race', ...options });
    const { probabilities } = await model.branch(LEVELS);
    expect(answer).toMatchObject({
      by: 'branch',
      unsure: true,
      probabilities,
      edgeError: expect.stringMatching(reason),
    });
    model.dispose();
  });

  it('a signal ends it, and so does the end of the model', async () => {
    const { release } = network(silent);
    release();
    const model = await loaded({ tau: 0, timeoutMs: Number.POSITIVE_INFINITY });
    const stop = new AbortController();
    const stopped = model.classify(LEVELS, { edge: 'race', signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(stopped).rejects.toThrow('enough');
    const ended = model.classify(LEVELS, { edge: 'race' });
    setTimeout(() => model.dispose(), 20);
    await expect(ended).rejects.toThrow('the model was disposed of');
  });

  it('a caller may change its image at once, and streams refuse to race', async () => {
    const { release } = network();
    release();
    const model = await loaded({ tau: 0 });
    const expected = await model.classify(LEVELS, { edge: 'race' });
    const own = LEVELS.slice();
    const answer = model.classify(own, { edge: 'race' });
    own.fill(0);
    expect((await answer).probabilities).toEqual(expected.probabilities);
    await expect(model.classifyStream(() => LEVELS, { edge: 'race' as never })).rejects.toThrow(
      /for a stream, found race/,
    );
    model.dispose();
  });

  it('works without an edge for images', async () => {
    const model = await loaded({ edge: false, tau: 0 });
    const answer = await model.classify(LEVELS, { edge: 'race' });
    expect(answer).toMatchObject({ by: 'branch', unsure: true, edgeError: 'no edge server was given' });
    model.dispose();
  });
});

/** Space in a build of the kernels, from the same position each time. */
function wasmMemory(kernels: WebAssembly.Exports) {
  const memory = kernels.memory as WebAssembly.Memory;
  return () => {
    let top = (kernels.__heap_base as WebAssembly.Global).value as number;
    return {
      kernels,
      reserve(bytes: number) {
        const at = Math.ceil(top / 16) * 16;
        top = at + bytes;
        const missing = Math.ceil((top - memory.buffer.byteLength) / 65536);
        if (missing > 0) memory.grow(missing);
        return at;
      },
      bytesAt: (at: number, bytes: number) => new Uint8Array(memory.buffer, at, bytes),
      floatsAt: (at: number, length: number) => new Float32Array(memory.buffer, at, length),
    };
  };
}
