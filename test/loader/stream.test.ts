import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { EdgeFunction, Image, LoadOptions, Model, StreamAnswer } from '../../templates/loader/lcdnn.js';
import { EDGE_LOGITS } from '../fake-edge.js';
import { largest, tinyBundle, tinyImages } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-stream-'));
const images = tinyImages(24);
let load: (options: LoadOptions) => Promise<Model>;
/** Two images that the branch takes for different things, or is not alike sure of. */
let one: Image;
let other: Image;

beforeAll(async () => {
  const { manifest } = await tinyBundle(folder);
  const loader = await importLoader(folder, manifest);
  load = (options) => loader.load(pathToFileURL(`${folder}/`), { tau: 0, ...options });
  // Real files can't be waited for by a false clock.
  for (const file of ['lcdnn-edge.js', 'lcdnn-stream.js']) await import(pathToFileURL(join(folder, file)).href);
  const model = await load({ edge: false });
  const said = await Promise.all(images.map((image) => model.branch(image)));
  const differ = said.findIndex(
    (own) => largest(own.logits) !== largest(said[0].logits) || Math.abs(own.entropy - said[0].entropy) > 0.2,
  );
  [one, other] = [images[0], images[differ]];
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Gives these images, one after another, and then nothing. */
const give = (...list: Image[]) => {
  const left = [...list];
  return () => left.shift();
};
const times = (count: number, image: Image): Image[] => Array(count).fill(image);

/** Runs a stream, with the clock, until it ends; what it told, and what the edge was asked how often. */
async function run(model: Model, source: () => Image | undefined, options = {}) {
  vi.useFakeTimers();
  const answers: StreamAnswer[] = [];
  let ended = false;
  const stream = model.classifyStream(source, { onAnswer: (answer) => answers.push(answer), ...options });
  stream.finally(() => {
    ended = true;
  });
  while (!ended) await vi.advanceTimersByTimeAsync(10);
  return { answers, count: await stream };
}

/** An edge that answers after so many milliseconds. */
function edgeAfter(ms: number) {
  return vi.fn<EdgeFunction>(async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return EDGE_LOGITS;
  });
}

const BY_EDGE = { by: 'edge', unsure: false, index: 1 };
const UNSURE = { by: 'branch', unsure: true, edgeError: 'the edge is being asked' };

describe('a stream of what a function gives', () => {
  it('has the branch’s answer for every frame that it is sure of', async () => {
    const edge = edgeAfter(0);
    const model = await load({ edge, tau: 1.1 });
    const { answers, count } = await run(model, give(...images));
    expect(count).toEqual({ frames: images.length, dropped: 0 });
    for (const [i, image] of images.entries()) {
      const { frame, index, entropy, unsure } = answers[i];
      const own = await model.branch(image);
      expect([frame, index, entropy, unsure]).toEqual([i + 1, largest(own.logits), own.entropy, false]);
    }
    expect(edge).not.toHaveBeenCalled();
  });

  it('asks the edge once while the branch sees the same, and shows the frames meanwhile', async () => {
    const edge = edgeAfter(50);
    const { answers } = await run(await load({ edge }), give(...times(8, one)));
    expect(edge).toHaveBeenCalledTimes(1);
    expect(answers.map(({ frame }) => frame)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(answers[0]).toMatchObject(UNSURE);
    expect(answers.at(-1)).toMatchObject({ ...BY_EDGE, cached: true, times: { edgeMs: 0 }, bytes: { sent: 0 } });
    expect(answers.at(-1)?.exit).toBeUndefined();
    // Unsure up to where the edge has answered, its answer from there on.
    const known = answers.findIndex(({ by }) => by === 'edge');
    expect(known).toBeGreaterThan(2);
    expect(answers.map(({ by }) => by)).toEqual([...Array(known).fill('branch'), ...Array(8 - known).fill('edge')]);
  });

  it('asks again where the branch sees another thing, and when the answer is old', async () => {
    const edge = edgeAfter(0);
    const model = await load({ edge });
    await run(model, give(...times(4, one), ...times(4, other)));
    expect(edge).toHaveBeenCalledTimes(2);
    edge.mockClear();
    await run(model, give(...times(40, one)), { keepMs: 200 });
    expect(edge.mock.calls.length).toBeGreaterThan(2);
    expect(edge.mock.calls.length).toBeLessThan(6);
  });

  it('asks for one frame at a time', async () => {
    let running = 0;
    let most = 0;
    const edge = vi.fn<EdgeFunction>(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 40));
      running--;
      return EDGE_LOGITS;
    });
    await run(await load({ edge }), give(...Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other))));
    expect(edge.mock.calls.length).toBeGreaterThan(3);
    expect(most).toBe(1);
  });

  it('shows what comes late, where no frame has come since', async () => {
    const { answers } = await run(await load({ edge: edgeAfter(500) }), give(one));
    expect(answers).toMatchObject([
      { frame: 1, ...UNSURE },
      { frame: 1, ...BY_EDGE },
    ]);
  });

  it('says why the edge gives no answer', async () => {
    const model = await load({ edge: () => Promise.reject(new Error('broken')) });
    const { answers } = await run(model, give(...times(3, one)));
    expect(answers.map(({ unsure }) => unsure)).not.toContain(false);
    expect(answers.at(-1)?.edgeError).toMatch(/^broken$|no requests for/);
  });

  it.each([
    ['never', 0, 0],
    ['always', 1.1, 1],
  ] as const)('has the policy of a call: %s', async (policy, tau, asked) => {
    const edge = edgeAfter(0);
    const { answers } = await run(await load({ edge, tau }), give(...times(3, one)), { edge: policy });
    expect([edge.mock.calls.length, answers.at(-1)?.by]).toEqual([asked, asked ? 'edge' : 'branch']);
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['no video', {}, '[object Object]'],
  ])('is refused by name if its source is %s', async (_, source, found) => {
    const stream = (await load({ edge: false })).classifyStream(source as never);
    await expect(stream).rejects.toThrow(
      `source: expected a video element or a function that returns images, found ${found}`,
    );
  });

  it('is bounded by the budget of a call', async () => {
    const { answers } = await run(await load({ edge: () => new Promise(() => {}) }), give(one), { budgetMs: 100 });
    expect(answers.at(-1)).toMatchObject({ by: 'branch', edgeError: 'the edge did not answer within 100 ms' });
  });

  it('ends by its signal, also while the edge is silent, and takes nothing more', async () => {
    const stop = new AbortController();
    let given = 0;
    const source = () => {
      if (++given === 5) stop.abort();
      return one;
    };
    const { count } = await run(await load({ edge: () => new Promise(() => {}) }), source, { signal: stop.signal });
    expect([given, count.frames]).toEqual([5, 5]);
    const { answers } = await run(await load({ edge: false }), source, { signal: stop.signal });
    expect([given, answers]).toEqual([5, []]);
  });

  it('lets go of every frame', async () => {
    const close = vi.fn();
    const frame = () => Object.assign(one.valueOf() as Float32Array, { close });
    await run(await load({ edge: false }), give(frame(), frame()));
    expect(close).toHaveBeenCalledTimes(2);
  });

  it.each<[string, () => Image | undefined, object, RegExp]>([
    ['the source', () => Promise.reject(new Error('no camera')) as never, {}, /^no camera$/],
    ['an image', () => new Uint8Array(3), {}, /^image: expected 16 x 16 x 1 values/],
    [
      'what hears the answers',
      () => one,
      {
        onAnswer: () => {
          throw new Error('no page');
        },
      },
      /^no page$/,
    ],
    ['an option', () => one, { edge: 'sometimes' }, /^edge: expected never/],
  ])('is rejected where %s fails', async (_, source, options, reason) => {
    const model = await load({ edge: false });
    await expect(model.classifyStream(source, options)).rejects.toThrow(reason);
  });
});
