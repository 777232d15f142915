import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { openTail, type Tail } from '../../src/edge/tail.js';
import { instantiate } from '../../src/export/run-wasm.js';
import type { EdgeFunction, EdgeTensor, LoadOptions, Model } from '../../templates/loader/lcdnn.js';
import { exitsProgram, largest, tinyBundle, tinyImages } from '../tiny-bundle.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-exits-'));
const images = tinyImages(8);
let bundle: Bundle;
let tail: Tail;
let load: (options?: LoadOptions) => Promise<Model>;

beforeAll(async () => {
  bundle = await tinyBundle(folder, { tau: [0.5, 0.25, 0.125] });
  tail = await openTail(bundle);
  const loader = await importLoader(folder, bundle.manifest);
  load = (options) => loader.load(pathToFileURL(`${folder}/`), options);
});
afterAll(async () => {
  await tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the loader of a bundle with three exits', () => {
  it.each(BUILDS)('runs every exit to the bit in the %s build', async (build) => {
    const oracle = instantiate(exitsProgram, readKernels(build));
    const model = await load({ simd: build !== 'scalar', relaxedSimd: build === 'relaxed-simd' });
    expect(model.tau).toEqual([0.5, 0.25, 0.125]);
    for (const image of images) {
      // The last first: what an earlier image left in the arena must not matter.
      for (const exit of [3, 2, 1]) expect(await model.branch(image, exit)).toEqual(oracle.run(image, exit - 1));
      expect(await model.branch(image)).toEqual(await model.branch(image, 1));
    }
  });

  it.each([
    [[1.1, 0, 0], 1],
    [[0, 1.1, 0], 2],
    [[0, 0, 1.1], 3],
    [[0, 1.1, 1.1], 2],
  ])('leaves at the first exit that is sure: tau %j, exit %d', async (tau, exit) => {
    const edge: EdgeFunction = () => Promise.reject(new Error('nobody should ask'));
    const model = await load({ tau, edge });
    for (const image of images) {
      const own = await model.branch(image, exit);
      const answer = await model.classify(image);
      expect(answer).toMatchObject({ by: 'branch', exit, unsure: false, index: largest(own.logits) });
      expect(answer).toMatchObject({ entropy: own.entropy, probabilities: own.probabilities });
    }
  });

  it('sends the edge what the last shared part gives, and nothing earlier', async () => {
    const asked: [EdgeTensor, number[]][] = [];
    const edge: EdgeFunction = (tensor, shape) => {
      asked.push([tensor, shape]);
      return tail.infer(tensor, 1);
    };
    const model = await load({ tau: 0, edge });
    for (const image of images) {
      const answer = await model.classify(image);
      const { shared, entropy } = await model.branch(image, 3);
      expect(asked.pop()).toEqual([shared, [1, 500]]);
      expect(answer).toMatchObject({ by: 'edge', unsure: false, entropy, index: largest(await tail.infer(shared, 1)) });
      expect(answer.exit).toBeUndefined();
    }
  });

  it('gives the last exit’s answer where the edge is silent', async () => {
    const model = await load({ tau: [0, 0, 0], edge: false });
    const { probabilities } = await model.branch(images[0], 3);
    expect(await model.classify(images[0])).toMatchObject({ by: 'branch', exit: 3, unsure: true, probabilities });
  });

  it('takes each threshold for its own exit', async () => {
    const [image] = images;
    const plain = await load();
    const runs = await Promise.all([1, 2, 3].map((exit) => plain.branch(image, exit)));
    const entropies = runs.map(({ entropy }) => entropy);
    const above = entropies.map((entropy) => entropy + 1e-6);
    const answerOf = async (tau: number[]) => (await load({ tau, edge: false })).classify(image);
    // At the very entropy the exit is unsure: strictly below is sure.
    expect(await answerOf([entropies[0], above[1], 0])).toMatchObject({ exit: 2, unsure: false });
    expect(await answerOf([entropies[0], entropies[1], above[2]])).toMatchObject({ exit: 3, unsure: false });
    expect(await answerOf(entropies)).toMatchObject({ exit: 3, unsure: true });
  });

  it.each<[unknown, RegExp]>([
    [[0.5], /^tau: expected a number for each of 3 exits, found \[0\.5\]$/],
    [[0.5, 0.5, 0.5, 0.5], /^tau: expected a number for each of 3 exits/],
    [[0.5, Number.NaN, 0.5], /found \[0\.5,null,0\.5\]$/],
    [[0.5, '0.5', 0.5], /found \[0\.5,"0\.5",0\.5\]$/],
    [Number.NaN, /^tau: expected a number for each of 3 exits/],
    [{}, /^tau: expected a number for each of 3 exits, found \{\}$/],
  ])('refuses the thresholds %j, given or in a manifest', async (tau, reason) => {
    await expect(load({ tau: tau as number })).rejects.toThrow(reason);
    const path = join(folder, 'manifest.json');
    writeFileSync(path, JSON.stringify({ ...bundle.manifest, tau }));
    await expect(load()).rejects.toThrow(/^tau: expected a number for each of 3 exits/);
    writeFileSync(path, JSON.stringify(bundle.manifest));
  });

  it.each([0, 4, 1.5, Number.NaN])('has no exit %d', async (exit) => {
    const model = await load();
    await expect(model.branch(images[0], exit)).rejects.toThrow(
      `exit: expected a whole number from 1 to 3, found ${exit}`,
    );
  });

  it('asks the edge server of the bundle for the rest', async () => {
    const server = await createEdgeServer(bundle);
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const [remote, local] = [await load({ tau: 0, edge: url }), await load({ tau: 0, edge: (x) => tail.infer(x, 1) })];
    for (const image of images) {
      const { by, probabilities } = await remote.classify(image);
      expect([by, probabilities]).toEqual(['edge', (await local.classify(image)).probabilities]);
    }
    await server.close();
  });
});
