/**
 * Whether a page can run for days: `npm run bench:endurance`. In every browser that this machine has (Chromium, Firefox,
 * WebKitGTK), LeNet is loaded, used and disposed of again and again, classifies a long stream of frames, runs in ten pages at
 * once, in a hidden page, and in one that is left and shown again. All answers must be those of Node, to the bit. Memory is
 * measured before and after, over all processes of the browser.
 *
 *   --cycles 500, --frames 10000, --pages 10, --visits 20    how often
 *   --only TEXT                                              only browsers whose name contains TEXT
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { importLoader } from '../../src/bundle/import-loader.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import type { Engine, EnginePage } from '../../test/browser/engines/engine.js';
import { ENGINES, whyMissing } from '../../test/browser/engines/engines.js';
import { usageOfTree } from '../../test/browser/engines/process-tree.js';
import { printTable } from '../print-table.js';
import { writeResult } from '../results.js';
import { buildCase, NETWORK_CASES } from './network-cases.js';

const { values: flags } = parseArgs({
  options: {
    cycles: { type: 'string', default: '500' },
    frames: { type: 'string', default: '10000' },
    pages: { type: 'string', default: '10' },
    visits: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
  },
});
const [cycles, frames, pages, visits] = [flags.cycles, flags.frames, flags.pages, flags.visits].map(Number);

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-endurance-'));
await writeBundle(folder, buildCase(NETWORK_CASES[0]).bundle);
const bundle = await readBundle(folder);
const [height, width, channels] = bundle.manifest.input.shape;
/** In Node and in pages: pixels of the network's size. */
const IMAGE = `Uint8Array.from({ length: ${height * width * channels} }, (_, i) => (i * 37) % 256)`;
const { load } = await importLoader(folder, bundle.manifest);
const oracle = await load(pathToFileURL(`${folder}/`), { edge: false, relaxedSimd: false });
const expected = JSON.stringify([...(await oracle.branch(new Function(`return ${IMAGE}`)())).logits]);

const server = await createEdgeServer(bundle);
for (const path of ['/plain.html', '/next.html']) {
  server.get(path, (_request, reply) => reply.type('text/html').send('<!doctype html><title>a page</title><p>a page'));
}
const url = await server.listen({ host: '127.0.0.1', port: 0 });

/** Runs in a page, with the loader's `load`, `image`, and `check`, which throws if `model` has another answer than Node. */
const inPage = (body: string): string => `import('${url}/lcdnn.js').then(async ({ load }) => {
  const image = ${IMAGE};
  const check = async (model) => {
    const found = JSON.stringify([...(await model.branch(image)).logits]);
    if (found !== '${expected}') throw new Error('expected the logits ${expected}, found ' + found);
  };
  ${body}
})`;

/** A cell of the result, for one browser. */
interface Measured {
  readonly what: string;
  readonly text: string;
}

async function endure(engine: Engine): Promise<{ version: string; rows: Measured[] }> {
  const browser = await engine.launch();
  const rows: Measured[] = [];
  const megabytes = (): number => usageOfTree(browser.pid).bytes / 1e6;
  const workers = (): number => usageOfTree(browser.pid).threads.filter((name) => name === engine.workerThread).length;
  const settle = async (page: EnginePage): Promise<void> => {
    for (let i = 0; i < 6; i++) {
      await page.evaluate(
        `Promise.resolve(${engine.collectGarbage ?? ''}).then(() => new Promise((resolve) => setTimeout(resolve, 500)))`,
      );
    }
  };
  /** Runs a tenth of the work to warm up, then all of it. */
  const flat = async (what: string, page: EnginePage, count: number, work: (count: number) => Promise<void>) => {
    await work(Math.ceil(count / 10));
    await settle(page);
    const before = megabytes();
    const workersBefore = workers();
    const started = performance.now();
    await work(count);
    const seconds = (performance.now() - started) / 1000;
    await settle(page);
    // Browsers start a few of their own.
    const left = workers() - workersBefore;
    if (left > 5) throw new Error(`expected no Worker to stay, found ${left} more`);
    const text = `${before.toFixed(0)} MB before, ${megabytes().toFixed(0)} MB after (${seconds.toFixed(0)} s)`;
    rows.push({ what, text });
    console.log(`${engine.name}: ${what}: ${text}`);
  };
  const open = async (path = '/plain.html'): Promise<EnginePage> => {
    const page = await browser.newPage();
    await page.goto(url + path);
    return page;
  };

  const page = await open();
  await flat(`${cycles} times loaded, used and disposed of`, page, cycles, (count) =>
    page.evaluate(
      inPage(`for (let i = 0; i < ${count}; i++) {
        const model = await load(undefined, { edge: false });
        await check(model);
        model.dispose();
      }`),
    ),
  );

  // The screen's clock would take minutes: frames come as fast as the stream takes them.
  await page.evaluate(
    inPage(`globalThis.requestAnimationFrame = (go) => setTimeout(go, 0);
      globalThis.model = await load();
      await check(model);`),
  );
  await flat(`${frames} frames of 640x480 in a stream`, page, frames, (count) =>
    page.evaluate(
      inPage(`const canvas = new OffscreenCanvas(640, 480);
        const pen = canvas.getContext('2d');
        let frame = 0;
        await model.classifyStream(async () => {
          if (frame++ === ${count}) return undefined;
          pen.fillStyle = 'hsl(' + frame + ' 50% 50%)';
          pen.fillRect(0, 0, 640, 480);
          return createImageBitmap(canvas);
        }, { onAnswer() {} });
        await check(model);`),
    ),
  );

  await page.evaluate(
    `addEventListener('pageshow', ({ persisted }) => { globalThis.kept = (globalThis.kept ?? 0) + persisted; })`,
  );
  for (let i = 0; i < visits; i++) {
    // Firefox keeps no page that is left while it waits for a file.
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 300))');
    await page.goto(`${url}/next.html`);
    await page.back();
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 300))');
    // A page that was not kept has no model.
    await page.evaluate(inPage('await check(globalThis.model ??= await load());'));
  }
  const kept = await page.evaluate<number>('globalThis.kept ?? 0');
  rows.push({ what: `left and shown again ${visits} times`, text: `${kept} times kept with its model` });

  await page.hide();
  const hiddenMs = await page.evaluate<number>(
    inPage(`const started = performance.now();
      for (let i = 0; i < 100; i++) {
        await model.classify(image);
        await check(model);
      }
      return Math.round(performance.now() - started);`),
  );
  rows.push({ what: '100 answers in a hidden page', text: `${hiddenMs} ms` });
  await page.close();

  const last = await open();
  await settle(last);
  const before = megabytes();
  const opened: EnginePage[] = [];
  for (let i = 0; i < pages; i++) opened.push(await open());
  for (const each of opened) {
    await each.evaluate(
      inPage(`globalThis.work = (async () => {
        globalThis.model = await load();
        for (let i = 0; i < 200; i++) {
          await model.classify(image);
          await check(model);
        }
      })();`),
    );
  }
  for (const each of opened) await each.evaluate('work');
  const during = megabytes();
  for (const each of opened) await each.close();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await settle(last);
  const text = `${before.toFixed(0)} MB before, ${during.toFixed(0)} MB while open, ${megabytes().toFixed(0)} MB after`;
  rows.push({ what: `${pages} pages at once`, text });
  await browser.close();
  return { version: browser.version, rows };
}

try {
  const chosen = ENGINES.filter(({ name }) => name.includes(flags.only));
  const found = new Map<string, Awaited<ReturnType<typeof endure>>>();
  for (const engine of chosen) {
    const missing = whyMissing(engine);
    if (missing) console.log(`${engine.name} is left out: ${missing}`);
    else found.set(engine.name, await endure(engine));
  }
  const results = [...found.values()];
  const rows = results[0].rows.map(({ what }, i) => [what, ...results.map((result) => result.rows[i].text)]);
  const table = { columns: [{ title: 'what the page does' }, ...[...found.keys()].map((title) => ({ title }))], rows };
  console.log(printTable(table));
  if (found.size === ENGINES.length && [cycles, frames].join() === '500,10000') {
    const versions = Object.fromEntries([...found].map(([name, { version }]) => [name.toLowerCase(), version]));
    writeResult('endurance', { command: 'npm run bench:endurance', versions, tables: { browsers: table } });
  }
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
