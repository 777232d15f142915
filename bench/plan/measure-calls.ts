import type { BrowserContext } from 'playwright-core';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { openTail } from '../../src/edge/tail.js';

const CALLS = 100;

/**
 * In a page of the bundle's own origin: an image that the branch answers, and what the edge takes. Of a busy machine's
 * samples the first ones tell.
 */
const IN_PAGE = `(async () => {
  const { load } = await import('/lcdnn.js');
  const quiet = (values) => values.sort((a, b) => a - b)[values.length >> 3];
  const times = async (tau) => {
    const model = await load(undefined, { tau });
    const values = new Float32Array(model.manifest.input.shape.reduce((all, size) => all * size));
    const found = { branchMs: [], edgeMs: [] };
    for (let i = 0; i < 2 * ${CALLS}; i++) {
      const { times } = await model.classify(values);
      if (i < ${CALLS}) continue;
      for (const name of Object.keys(found)) found[name].push(times[name]);
    }
    model.dispose();
    return { branchMs: quiet(found.branchMs), edgeMs: quiet(found.edgeMs) };
  };
  return { branchMs: (await times(2)).branchMs, edgeMs: (await times(0)).edgeMs };
})()`;

/** What an image costs beside the branch's kernels (the way to the Worker and back), and a request beside the tail. */
export async function measureCalls(
  browser: BrowserContext,
  bundle: string,
  branchAloneMs: number,
): Promise<{ callMs: number; requestMs: number }> {
  const opened = readBundle(bundle);
  const app = await createEdgeServer(opened);
  const page = await browser.newPage();
  const tail = await openTail(opened);
  try {
    const values = new Float32Array(opened.manifest.tail.shape.reduce((all, size) => all * size, 1));
    const tails: number[] = [];
    while (tails.length < 2 * CALLS) {
      const start = performance.now();
      await tail.infer(values, 1);
      tails.push(performance.now() - start);
    }
    // A document of the origin that runs no script of its own.
    await page.goto(`${await app.listen({ host: '127.0.0.1', port: 0 })}/manifest.json`);
    const { branchMs, edgeMs } = (await page.evaluate(IN_PAGE)) as { branchMs: number; edgeMs: number };
    return {
      callMs: Math.max(0, branchMs - branchAloneMs),
      requestMs: Math.max(0, edgeMs - tails.slice(CALLS).sort((a, b) => a - b)[CALLS >> 3]),
    };
  } finally {
    await page.close();
    await app.close();
    await tail.close();
  }
}
