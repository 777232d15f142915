import fc from 'fast-check';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { bitRows, floats } from '../../kernels/test-values.js';
import { random } from '../../src/base/random.js';
import { inOrder } from '../../src/export/program.js';
import { referenceKernels as reference } from '../../src/export/reference.js';
import { launchChromium } from './chromium.js';

// Node 20 runs the relaxed SIMD build behind a flag only: here is what browsers make of all three.

const SHAPES = fc.sample(
  fc.record({
    seed: fc.integer(),
    height: fc.integer({ min: 3, max: 9 }),
    width: fc.integer({ min: 3, max: 9 }),
    channels: fc.integer({ min: 1, max: 300 }),
    filters: fc.integer({ min: 1, max: 140 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
  }),
  { numRuns: 60, seed: 20201204 },
);

let browser: BrowserContext;
let page: Page;
beforeAll(async () => {
  browser = await launchChromium();
  page = await browser.newPage();
});
afterAll(() => browser?.close());

/** In the page: prepares the weights, runs one convolution, and returns its values and whether the build is valid there. */
const inPage = `([wasm, x, w, epilogue, shape, order, sizes]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes(wasm)));
  const { memory, __heap_base } = exports;
  let end = __heap_base.value;
  const room = (size) => {
    const at = (end + 63) & ~63;
    end = at + size;
    memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / 65536)));
    return at;
  };
  const place = (text) => {
    const data = bytes(text);
    const at = room(data.length);
    new Uint8Array(memory.buffer).set(data, at);
    return at;
  };
  const weights = [shape.filters, shape.kernel ** 2, shape.channels];
  const prepared = room(exports.lcdnn_prepared_binary_conv2d_bytes(...weights));
  exports.lcdnn_prepare_binary_conv2d(place(w), prepared, ...weights);
  const [scale, shift, slope] = epilogue.map(place);
  const y = room(4 * sizes.y);
  const pointers = { x: place(x), w: prepared, k: 0, scale, shift, slope, shortcut: 0, y, scratch: room(sizes.scratch) };
  exports.lcdnn_binary_conv2d(...order.map((name) => ({ ...shape, ...pointers })[name]));
  return [...new Uint8Array(memory.buffer, y, 4 * sizes.y)];
}`;

const base64 = (array: Float32Array | Uint8Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');

describe.each(BUILDS)('the %s build in Chromium', (build) => {
  const wasm = base64(readKernels(build));

  it('runs binary convolutions as the reference does, bit for bit', async () => {
    for (const { seed, ...size } of SHAPES) {
      const { height, width, channels, filters, kernel, stride } = size;
      const pad = kernel >> 1;
      const [outHeight, outWidth] = [height, width].map((n) => Math.floor((n + 2 * pad - kernel) / stride) + 1);
      const shape = { ...size, padTop: pad, padLeft: pad, outHeight, outWidth };
      const next = random(seed);
      const x = bitRows(next, height * width, channels);
      const w = bitRows(next, filters * kernel * kernel, channels);
      const [scale, shift, slope] = [0, 1, 2].map(() => floats(next, filters));
      const want = new Float32Array(outHeight * outWidth * filters);
      reference.binary_conv2d({ ...shape, x, w, k: null, scale, shift, slope, shortcut: null, y: want });

      const names = [...Object.keys(shape), 'x', 'w', 'k', 'scale', 'shift', 'slope', 'shortcut', 'y', 'scratch'];
      const order = inOrder('binary_conv2d', Object.fromEntries(names.map((name) => [name, name])) as never);
      const rows = (outHeight - 1) * stride + kernel;
      const columns = Math.floor((outWidth - 1) / 2) * 2 * stride + kernel;
      const scratch = Math.ceil(channels / 8) + Math.ceil(channels / 4) * rows * columns;
      const epilogue = [scale, shift, slope].map(base64);
      const given = [wasm, base64(x), base64(w), epilogue, shape, order, { y: want.length, scratch }];
      const got: number[] = await page.evaluate(`(${inPage})(${JSON.stringify(given)})`);
      expect(Buffer.from(got).equals(Buffer.from(want.buffer)), JSON.stringify({ seed, ...size })).toBe(true);
    }
  });
});
