// npm run screenshot - pictures of the demo page for the README, in real Chromium. Needs `npm run quickstart` (its bundle
// has images of Fashion-MNIST, which is under the MIT licence), or names another bundle.
import { mkdirSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { createEdgeServer } from '../src/edge/server.js';
import { findBrowser, HEADLESS } from '../src/profiling/find-browser.js';

const OUT = 'docs/images';
const VIEWS = [
  { file: 'demo.png', width: 1120, height: 860, deviceScaleFactor: 1.5, isMobile: false },
  { file: 'demo-phone.png', width: 390, height: 1480, deviceScaleFactor: 2, isMobile: true },
];

/** Classifies every sample; ends with the last one that the edge answered correctly. */
async function takePicture(browser: Browser, url: string, view: (typeof VIEWS)[number]): Promise<void> {
  const { file, width, height, ...device } = view;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: 'light', ...device });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`${url}/demo/`);
  const samples = page.locator('#samples button');
  await samples.first().waitFor();
  const count = await samples.count();
  let shown = 0;
  for (let i = 0; i < count; i++) {
    await samples.nth(i).click();
    await answered(page, i + 1);
    if ((await page.locator('#by.edge').count()) && !(await page.locator('#truth').textContent())) shown = i;
  }
  await samples.nth(shown).click();
  await answered(page, count + 1);
  await page.evaluate(() => {
    scrollTo(0, 0);
    document.querySelector('#samples')?.scrollTo(0, 0);
    (document.activeElement as HTMLElement).blur();
  });
  const png = await page.screenshot({ fullPage: true });
  const { size } = await sharp(png).png({ palette: true, colours: 128, effort: 10 }).toFile(`${OUT}/${file}`);
  console.log(`${OUT}/${file}: ${Math.round(size / 1000)} kB`);
  await context.close();
}

/** Waits until the page has shown this many answers. */
async function answered(page: Page, count: number): Promise<void> {
  await page.locator(`#share[aria-label^="${count} image"]`).waitFor();
}

const [bundle = 'quickstart/bundle'] = process.argv.slice(2);
mkdirSync(OUT, { recursive: true });
const server = await createEdgeServer(bundle);
const url = await server.listen({ host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({ executablePath: findBrowser(), args: [...HEADLESS] });
try {
  for (const view of VIEWS) await takePicture(browser, url, view);
} finally {
  await browser.close();
  await server.close();
}
