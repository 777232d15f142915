import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import type { Classification, ClassifyOptions, EdgeTensor, LoadOptions, Model } from '../../templates/loader/lcdnn.js';
import { after, fakeEdge, type Reaction, refused, reply, silent, status } from '../fake-edge.js';
import { largest, tinyBundle, tinyImages } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-policy-'));
const [image] = tinyImages(4);
const ok: Reaction = () => reply();
let bundle: Bundle;
let load: (options?: LoadOptions) => Promise<Model>;
/** Events of the platform, which Node doesn't have. */
let platform: EventTarget;

beforeAll(async () => {
  bundle = await tinyBundle(folder);
  const loader = await importLoader(folder, bundle.manifest);
  load = async (options) => {
    const model = await loader.load(pathToFileURL(`${folder}/`), { tau: 0, edge: 'http://edge.example', ...options });
    vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') });
    return model;
  };
  // A false clock can't wait for real files: the scripts that are imported when they are needed are imported now.
  const model = await loader.load(pathToFileURL(`${folder}/`), { tau: 0, edge: async () => [0, 1, 0] });
  await model.classify(image);
});
beforeEach(() => {
  platform = new EventTarget();
  vi.stubGlobal('addEventListener', platform.addEventListener.bind(platform));
  vi.stubGlobal('CompressionStream', undefined); // works in threads, which a false clock doesn't wait for
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Classifies, while the clock runs up to `ms`; with how long it took. */
async function classify(
  model: Model,
  options: ClassifyOptions = {},
  ms = 3001,
): Promise<Classification & { ms: number }> {
  const started = performance.now();
  let took = Number.NaN;
  const answer = model.classify(image, options).then((found) => {
    took = performance.now() - started;
    return found;
  });
  for (let left = ms; left > 0 && Number.isNaN(took); left -= 10) await wait(10);
  return { ...(await answer), ms: took };
}

const BY_EDGE = { by: 'edge', unsure: false, index: 1 };
const BY_BRANCH = { by: 'branch', unsure: true };

describe('whether the edge is asked', () => {
  it.each([
    ['when-unsure', 0, 'edge'],
    ['when-unsure', 1.1, 'branch'],
    ['always', 0, 'edge'],
    ['always', 1.1, 'edge'],
    ['never', 0, 'branch'],
    ['never', 1.1, 'branch'],
  ] as const)('is said by the call: %s at a tau of %d, by %s', async (edge, tau, by) => {
    const asked = fakeEdge(ok);
    const answer = await classify(await load({ tau }), { edge });
    expect(answer).toMatchObject({ by, tau, unsure: edge === 'never' && tau === 0 });
    expect(answer.edgeError).toBeUndefined();
    expect(asked.length).toBe(by === 'edge' ? 1 : 0);
  });

  it('is not said by another word', async () => {
    const model = await load();
    await expect(model.classify(image, { edge: 'sometimes' as never })).rejects.toThrow(
      'edge: expected never, when-unsure, always or race, found sometimes',
    );
  });

  it('runs the branch of the last exit, of several, where it always is', async () => {
    const own = join(folder, 'three');
    const { manifest } = await tinyBundle(own, { tau: [1, 1, 1] });
    const loader = await importLoader(own, manifest);
    const asked: EdgeTensor[] = [];
    const edge = async (tensor: EdgeTensor) => {
      asked.push(tensor);
      return [1, 5, 2];
    };
    const model = await loader.load(pathToFileURL(`${own}/`), { edge });
    const { shared, entropy } = await model.branch(image, 3);
    expect(await model.classify(image, { edge: 'always' })).toMatchObject({ ...BY_EDGE, entropy });
    expect(asked).toEqual([shared]);
  });
});

describe('the time of a classification', () => {
  it.each([
    [{}, { timeoutMs: 500 }, 500],
    [{ budgetMs: 80 }, {}, 80],
    [{ budgetMs: 800 }, { timeoutMs: 500 }, 500],
  ])('ends at %j with %j: an edge that is silent leaves the branch’s answer', async (options, loading, ms) => {
    fakeEdge(silent);
    const model = await load(loading);
    const own = await model.branch(image);
    const answer = await classify(model, options);
    const expected = { index: largest(own.logits), probabilities: own.probabilities };
    expect(answer).toMatchObject({
      ...BY_BRANCH,
      ...expected,
      ms,
      edgeError: `the edge did not answer within ${ms} ms`,
    });
  });

  it('that is over already asks nobody', async () => {
    const asked = fakeEdge(ok);
    const answer = await classify(await load(), { budgetMs: 0 });
    expect(answer).toMatchObject({ ...BY_BRANCH, edgeError: 'the budget of 0 ms ran out' });
    expect(asked.length).toBe(0);
  });
});

describe('one more try', () => {
  const cut: Reaction = () => new Response(new ReadableStream({ start: (body) => body.error(new TypeError('cut')) }));
  it.each<[string, Reaction, number]>([
    ['a connection is refused', refused, 100],
    ['a connection is cut in the reply', cut, 100],
    ['there is HTTP 502', status(502), 100],
    ['there is HTTP 503', status(503), 100],
    ['there is HTTP 504', status(504), 100],
    ['there is HTTP 503 that says in how long', status(503, { 'retry-after': '2' }), 2100],
    [
      'there is HTTP 503 that says when',
      () => new Response('{}', { status: 503, headers: { 'retry-after': new Date(Date.now() + 2000).toUTCString() } }),
      2100,
    ],
  ])('is made where %s', async (_, reaction, ms) => {
    const asked = fakeEdge(reaction, ok);
    const answer = await classify(await load());
    expect(answer).toMatchObject({ ...BY_EDGE, ms });
    expect(asked.length).toBe(2);
    expect(answer.bytes.sent).toBeGreaterThan(2 * 4 * bundle.manifest.tail.shape.reduce((all, size) => all * size));
  });

  it.each<[string, Reaction, ClassifyOptions, RegExp]>([
    ['the fault is the request’s', status(400), {}, /HTTP 400/],
    ['the token is wrong', status(401), {}, /HTTP 401/],
    ['there is no such model', status(404), {}, /HTTP 404/],
    ['the client asks too much', status(429), {}, /HTTP 429/],
    ['the server has a fault', status(500), {}, /HTTP 500/],
    ['the reply is nonsense', () => reply({ outputs: [] }), {}, /expected an output named logits, found none/],
    ...['<!doctype html>', 'null', '{}', '{"outputs":{}}', '{"outputs":[null]}', '{"outputs":[{"name":"logits"}]}'].map(
      (body): [string, Reaction, ClassifyOptions, RegExp] => [
        `the reply is ${body}`,
        () => new Response(body),
        {},
        /^http[^ ]+\/infer: expected an output named logits, found none$/,
      ],
    ),
    ['the edge is silent', silent, { budgetMs: 1000 }, /within 1000 ms/],
    ['there is no time left', after(950, refused), { budgetMs: 1000 }, /no answer \(fetch failed\)/],
    ['the server wants more time', status(503, { 'retry-after': '5' }), {}, /HTTP 503/],
  ])('is not made where %s', async (_, reaction, options, reason) => {
    const asked = fakeEdge(reaction, ok);
    expect(await classify(await load(), options)).toMatchObject({
      ...BY_BRANCH,
      edgeError: expect.stringMatching(reason),
    });
    expect(asked.length).toBe(1);
  });

  it('is the last one', async () => {
    const asked = fakeEdge(refused, refused, ok);
    expect(await classify(await load())).toMatchObject(BY_BRANCH);
    expect(asked.length).toBe(2);
  });
});

describe('the circuit breaker', () => {
  /** A model whose edge has failed three times. */
  async function broken(...then: Reaction[]) {
    const asked = fakeEdge(...Array<Reaction>(3).fill(status(500)), ...then);
    const model = await load();
    expect(model.edge.state).toBe('closed');
    for (let i = 0; i < 3; i++) await classify(model);
    expect([model.edge.state, asked.length]).toEqual(['open', 3]);
    return { model, asked };
  }

  it('opens after three failures in a row, and then answers at once', async () => {
    const { model, asked } = await broken(ok);
    const reason = 'the edge failed 3 times in a row; no requests for 1 s';
    expect(await classify(model)).toMatchObject({ ...BY_BRANCH, ms: 0, edgeError: reason });
    expect(asked.length).toBe(3);
  });

  it('stays closed where an answer comes between', async () => {
    const asked = fakeEdge(status(500), status(500), ok, status(500), status(500), ok);
    const model = await load();
    for (let i = 0; i < 6; i++) await classify(model);
    expect([model.edge.state, asked.length]).toEqual(['closed', 6]);
  });

  it('is half-open after its pause: one asks, and closes it', async () => {
    const { model, asked } = await broken(after(50, ok));
    await wait(1000);
    expect(model.edge.state).toBe('half-open');
    const both = await Promise.all([classify(model), classify(model)]);
    expect(both).toMatchObject([BY_EDGE, BY_BRANCH]);
    expect([model.edge.state, asked.length]).toEqual(['closed', 4]);
  });

  it('waits twice as long after every vain probe, up to a minute', async () => {
    const { model, asked } = await broken(refused);
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await wait(1000 * seconds - 40);
      await classify(model);
      const before = asked.length;
      expect(model.edge.state).toBe('open');
      await wait(40);
      expect(model.edge.state).toBe('half-open');
      await classify(model);
      expect([model.edge.state, asked.length]).toEqual(['open', before + 1]);
    }
  });

  it('counts an edge that is late, not a caller that gives up', async () => {
    fakeEdge(silent);
    const model = await load();
    for (let i = 0; i < 3; i++) {
      const stop = new AbortController();
      const answer = model.classify(image, { signal: stop.signal });
      await wait(10);
      stop.abort(new Error('enough'));
      await expect(answer).rejects.toThrow('enough');
    }
    expect(model.edge.state).toBe('closed');
    for (let i = 0; i < 3; i++) await classify(model, { budgetMs: 100 });
    expect(model.edge.state).toBe('open');
  });

  it('gives the probe to the next, where its caller gives up', async () => {
    const { model } = await broken(silent, ok);
    await wait(1000);
    const stop = new AbortController();
    const answer = model.classify(image, { signal: stop.signal });
    await wait(10);
    stop.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    expect(await classify(model)).toMatchObject(BY_EDGE);
  });

  it('waits no longer where many ask at once, and all fail', async () => {
    fakeEdge(status(500));
    const model = await load();
    await Promise.all(Array.from({ length: 8 }, () => classify(model)));
    expect(model.edge.state).toBe('open');
    await wait(1000);
    expect(model.edge.state).toBe('half-open');
  });

  it('leaves a server alone for a minute where it wants more', async () => {
    fakeEdge(status(503, { 'retry-after': '3600' }));
    const model = await load();
    await classify(model);
    await wait(59_000);
    expect(model.edge.state).toBe('open');
    await wait(1000);
    expect(model.edge.state).toBe('half-open');
  });

  it('leaves a server alone for as long as it says', async () => {
    const asked = fakeEdge(status(503, { 'retry-after': '7' }), ok);
    const model = await load();
    await classify(model);
    await wait(6500);
    expect([model.edge.state, asked.length]).toEqual(['open', 1]);
    await wait(500);
    expect(await classify(model)).toMatchObject(BY_EDGE);
  });
});

describe('a device that is offline', () => {
  beforeEach(() => vi.stubGlobal('navigator', { onLine: false }));

  it('asks nobody, until it is online', async () => {
    const asked = fakeEdge(ok);
    const model = await load();
    expect(await classify(model)).toMatchObject({ ...BY_BRANCH, ms: 0, edgeError: 'this device is offline' });
    expect([model.edge.state, asked.length]).toEqual(['offline', 0]);
    vi.stubGlobal('navigator', { onLine: true });
    expect(await classify(model)).toMatchObject(BY_EDGE);
  });

  it.each<[string, LoadOptions['edge']]>([
    ['a server on this machine', 'http://127.0.0.1:8080'],
    ['a server on this machine, by name', 'http://localhost:8080'],
    ['a function', async () => [1, 5, 2]],
  ])('asks %s', async (_, edge) => {
    fakeEdge(ok);
    expect(await classify(await load({ edge }))).toMatchObject(BY_EDGE);
  });

  it('ends the pause of the breaker as soon as it is online', async () => {
    vi.stubGlobal('navigator', { onLine: true });
    fakeEdge(...Array<Reaction>(3).fill(status(500)), ok);
    const model = await load();
    for (let i = 0; i < 3; i++) await classify(model);
    expect(model.edge.state).toBe('open');
    platform.dispatchEvent(new Event('online'));
    expect(model.edge.state).toBe('half-open');
    expect(await classify(model)).toMatchObject(BY_EDGE);
  });
});

describe('an edge server hears', () => {
  it('what the branch said, and how many images it answered alone, each once', async () => {
    const asked = fakeEdge(ok, ok, status(500), ok);
    const model = await load({ tau: 1.1 });
    const { entropy, logits } = await model.branch(image);
    const exits = async (count: number) => {
      for (let i = 0; i < count; i++) await classify(model);
      await classify(model, { edge: 'always' });
    };
    for (const count of [2, 0, 3, 1]) await exits(count);
    // What a request that failed said is said again.
    expect(asked.map(({ said }) => said.parameters)).toEqual(
      [2, 0, 3, 4].map((exits) => ({ exits, entropy: `${entropy}`, branch: largest(logits), tau: '1.1' })),
    );
  });

  it.each<[string, LoadOptions['token'], string | undefined]>([
    ['no token', undefined, undefined],
    ['a token', 'abc', 'Bearer abc'],
    ['a token that is made anew', async () => 'def', 'Bearer def'],
  ])('%s', async (_, token, expected) => {
    const asked = fakeEdge(ok);
    await classify(await load({ token }));
    expect(asked[0].headers.authorization).toBe(expected);
  });
});

describe('another version', () => {
  const other = 'f'.repeat(12);
  const path = () => `http://edge.example/v2/models/tiny/versions/${bundle.manifest.version}/infer`;

  it('makes the model stale; the edge is asked for the own one from then on', async () => {
    const asked = fakeEdge(
      () => reply({ model_version: other }),
      () => reply({ model_version: bundle.manifest.version }),
    );
    const onStale = vi.fn();
    const model = await load({ onStale });
    expect(model.stale).toBe(false);
    for (let i = 0; i < 2; i++) expect(await classify(model)).toMatchObject(BY_EDGE);
    expect([model.stale, onStale.mock.calls]).toEqual([true, [[other]]]);
    expect(asked.map(({ url }) => url)).toEqual(['http://edge.example/v2/models/tiny/infer', path(), path()]);
  });

  it.each<[string, Reaction, RegExp]>([
    ['the server has only that', status(404), /HTTP 404/],
    [
      'it answers all the same',
      () => reply({ model_version: other }),
      /expected version [0-9a-f]{12}, found f{12}; load the model again$/,
    ],
  ])('never answers for this one: %s', async (_, reaction, edgeError) => {
    fakeEdge(() => reply({ model_version: other }), reaction);
    const model = await load();
    expect(await classify(model)).toMatchObject({ ...BY_BRANCH, edgeError: expect.stringMatching(edgeError) });
    expect(model.stale).toBe(true);
  });

  it('is noticed where it takes another shape', async () => {
    fakeEdge(status(400)).versions.push(other);
    const onStale = vi.fn();
    const model = await load({ onStale });
    expect(await classify(model)).toMatchObject(BY_BRANCH);
    await wait(0);
    expect([model.stale, onStale.mock.calls]).toEqual([true, [[other]]]);
  });

  it('is forgotten where the server goes back', async () => {
    fakeEdge(
      () => reply({ model_version: other }),
      status(404),
      () => reply({ model_version: bundle.manifest.version }),
    );
    const model = await load();
    expect(await classify(model)).toMatchObject(BY_BRANCH);
    expect(model.stale).toBe(true);
    expect(await classify(model)).toMatchObject(BY_EDGE);
    expect(model.stale).toBe(false);
  });

  it.each([undefined, '1', 'v2'])('is not what other servers count: %s', async (model_version) => {
    fakeEdge(() => reply({ model_version }));
    const model = await load();
    expect(await classify(model)).toMatchObject(BY_EDGE);
    expect(model.stale).toBe(false);
  });
});

describe('a tau that a server under load raises', () => {
  const raised =
    (header: string): Reaction =>
    () =>
      reply({}, { 'lcdnn-tau': header });

  it('holds for as long as it says, where the page wants that', async () => {
    const asked = fakeEdge(raised('1; max-age=10'), ok);
    const model = await load({ adaptTau: true });
    await classify(model);
    expect([model.tau, model.edge.tau]).toEqual([0, 1]);
    expect(await classify(model)).toMatchObject({ by: 'branch', unsure: false, tau: 1 });
    await wait(10_000);
    expect(model.edge.tau).toBeUndefined();
    expect(await classify(model)).toMatchObject({ ...BY_EDGE, tau: 0 });
    // The images that were not asked for are told.
    expect(asked.map(({ said }) => said.parameters.exits)).toEqual([0, 1]);
  });

  it.each<[string, LoadOptions, string]>([
    ['the page does not want it', {}, '1;max-age=10'],
    ['it is below that of the page', { adaptTau: true, tau: 0.01 }, '0.001;max-age=10'],
    ['it is no probability', { adaptTau: true }, '1.5;max-age=10'],
    ['it has no end', { adaptTau: true }, '1'],
    ['it is nonsense', { adaptTau: true }, 'much'],
  ])('counts for nothing where %s', async (_, options, header) => {
    const asked = fakeEdge(raised(header));
    const model = await load(options);
    for (let i = 0; i < 2; i++) expect(await classify(model)).toMatchObject(BY_EDGE);
    expect(asked.length).toBe(2);
  });
});

it('whatever the edge does, every image has an answer in time, the edge’s own or the branch’s, marked', async () => {
  const reaction = fc.oneof(
    fc.constantFrom(refused, silent, () => reply({ outputs: 1 }), ok, ok),
    fc
      .constantFrom(400, 404, 429, 500, 502, 503, 504)
      .chain((code) =>
        fc.option(fc.nat(4)).map((seconds) => status(code, seconds === null ? {} : { 'retry-after': `${seconds}` })),
      ),
  );
  const slow = fc.tuple(fc.nat(400), reaction).map(([ms, then]) => after(ms, then));
  const step = fc.record({
    reactions: fc.tuple(slow, slow),
    budgetMs: fc.integer({ min: 1, max: 1000 }),
    pauseMs: fc.nat(3000),
  });
  const own = await (await load()).branch(image);
  vi.useRealTimers();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const model = await load();
      for (const { reactions, budgetMs, pauseMs } of steps) {
        const asked = fakeEdge(...reactions, ok);
        const { state } = model.edge;
        const answer = await classify(model, { budgetMs });
        expect(answer.ms).toBeLessThanOrEqual(budgetMs);
        if (answer.by === 'branch') {
          expect(answer).toMatchObject({ unsure: true, probabilities: own.probabilities });
          expect(answer.edgeError).toEqual(expect.any(String));
        } else expect(answer).toMatchObject(BY_EDGE);
        expect(asked.length).toBeLessThanOrEqual({ open: 0, 'half-open': 1 }[state as string] ?? 2);
        await wait(pauseMs);
      }
      model.dispose();
      vi.useRealTimers();
    }),
    { numRuns: 60 },
  );
});
