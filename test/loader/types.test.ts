import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, expectTypeOf, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type {
  Classification,
  ClassifyOptions,
  EdgeStatus,
  LoadOptions,
  Model,
  Source,
  StreamAnswer,
  StreamOptions,
} from '../../templates/loader/lcdnn.js';
import { tinyBundle, tinyImages } from '../tiny-bundle.js';

// By `tsc --noEmit`: what the types say.
expectTypeOf<Model['classify']>().parameter(1).toEqualTypeOf<ClassifyOptions | undefined>();
expectTypeOf<Model['classifyStream']>().parameters.toEqualTypeOf<[source: Source, options?: StreamOptions]>();
expectTypeOf<Model['classifyStream']>().returns.resolves.toEqualTypeOf<{ frames: number; dropped: number }>();
expectTypeOf<StreamAnswer>().toExtend<Classification>();
expectTypeOf<HTMLVideoElement>().toExtend<Source>();
expectTypeOf<() => Promise<ImageBitmap | undefined>>().toExtend<Source>();
expectTypeOf<'sometimes'>().not.toExtend<ClassifyOptions['edge']>();
expectTypeOf<() => Promise<string>>().toExtend<LoadOptions['token']>();
expectTypeOf<{ edge: EdgeStatus }>().not.toExtend<{ edge: { state: string; tau: number } }>();
expectTypeOf<{ edge: true }>().not.toExtend<ClassifyOptions>();

it('a model and its answers have what their types say, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-types-'));
  const { manifest } = await tinyBundle(folder);
  const { load } = await importLoader(folder, manifest);
  const model = await load(pathToFileURL(`${folder}/`), { edge: false });
  const ofModel: Record<keyof Model, string> = {
    manifest: 'object',
    tau: 'number',
    ready: 'object',
    simd: 'boolean',
    relaxedSimd: 'boolean',
    worker: 'boolean',
    verified: 'boolean',
    edge: 'object',
    stale: 'boolean',
    classify: 'function',
    classifyStream: 'function',
    branch: 'function',
    dispose: 'function',
  };
  const first = await load(pathToFileURL(`${folder}/`), { first: 'edge', edge: 'http://127.0.0.1:2' });
  for (const one of [model, first]) {
    expect(Object.fromEntries(Object.entries(one).map(([name, value]) => [name, typeof value]))).toEqual(ofModel);
  }
  await first.ready;
  const ofAnswer: Record<keyof Classification, true> = {
    index: true,
    label: true,
    probabilities: true,
    entropy: true,
    tau: true,
    by: true,
    exit: true,
    unsure: true,
    edgeError: true,
    times: true,
    bytes: true,
  };
  const options = { signal: AbortSignal.timeout(60_000), budgetMs: 1000, edge: 'always' } as const;
  const answer = await model.classify(tinyImages(1)[0], options);
  expect(Object.keys(answer).sort()).toEqual(Object.keys(ofAnswer).sort());
  const byEdge = await (await load(pathToFileURL(`${folder}/`), { edge: async () => [1, 2, 3] })).classify(
    tinyImages(1)[0],
    { edge: 'race' },
  );
  expect([...Object.keys(byEdge), 'edgeError'].sort()).toEqual(Object.keys(ofAnswer).sort());
  expect(Object.keys(model.edge satisfies EdgeStatus)).toEqual(['state', 'tau']);
  rmSync(folder, { recursive: true, force: true });
});
