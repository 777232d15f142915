import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Dataset } from './dataset.js';
import { type Normalisation, RANGES, readPreprocessing, withNormalisation } from './normalisation.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-normalisation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataset = { shape: [4, 4, 3], mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] } as unknown as Dataset;

describe('a normalisation', () => {
  it.each<Normalisation>([
    { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    { range: '-1..1' },
    { range: '0..255' },
    { range: '0..255', mean: [123, 117, 104], std: [58] },
    { range: '-1..1', mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7] },
  ])('%j gives a pixel the value that the network was trained with', (given) => {
    const { mean, std } = withNormalisation(dataset, given);
    const { scale, offset } = RANGES[given.range ?? '0..1'];
    for (const byte of [0, 1, 127, 255]) {
      for (const channel of [0, 1, 2]) {
        const at = (values: readonly number[] | undefined, byDefault: number) =>
          values === undefined ? byDefault : values[values.length === 1 ? 0 : channel];
        const wanted = ((byte / 255) * scale + offset - at(given.mean, 0)) / at(given.std, 1);
        expect((byte / 255 - mean[channel]) / std[channel]).toBeCloseTo(wanted, 10);
      }
    }
  });

  it("that is not given is the data set's", () => {
    expect(withNormalisation(dataset, {})).toBe(dataset);
    expect(withNormalisation(dataset, { mean: [0] })).toMatchObject({ mean: [0, 0, 0], std: dataset.std });
  });

  it.each<[Normalisation, RegExp]>([
    [{ mean: [1, 2] }, /mean: expected 1 or 3 numbers for images with 3 channels, found 2/],
    [{ std: [1, 0, 1] }, /std: expected numbers above 0, found 1, 0, 1/],
    [{ mean: [123.7, 116.3, 103.5], std: [58.4, 57.1, 57.4] }, /range 0\.\.1, found 123\.7; give the range/],
    [{ std: [58] }, /range 0\.\.1, found 58/],
    [{ range: '0..255', mean: [0.485], std: [0.229] }, /range 0\.\.255, found 0\.229/],
    [{ range: '-1..1', mean: [127.5] }, /range -1\.\.1, found 127\.5/],
  ])('%j is refused', (given, message) => {
    expect(() => withNormalisation(dataset, given)).toThrow(message);
  });
});

describe('a file of preprocessing', () => {
  const file = (content: unknown): string => {
    const path = join(folder, 'config.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const [mean, std] = [
    [0.5, 0.5, 0.5],
    [0.25, 0.25, 0.25],
  ];

  it.each<[string, unknown, Normalisation]>([
    [
      "timm's",
      { architecture: 'x', pretrained_cfg: { mean, std, input_size: [3, 224, 224] } },
      { range: '0..1', mean, std },
    ],
    ["timm's older", { mean, std, crop_pct: 0.875 }, { range: '0..1', mean, std }],
    [
      "transformers'",
      { image_mean: mean, image_std: std, rescale_factor: 0.00392156862745098 },
      { range: '0..1', mean, std },
    ],
    ["transformers' of bytes", { image_mean: mean, image_std: std, do_rescale: false }, { range: '0..255', mean, std }],
    ["transformers' without mean", { image_mean: mean, image_std: std, do_normalize: false }, { range: '0..1' }],
  ])('%s is read', (_, content, expected) => {
    expect(readPreprocessing(file(content))).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['no normalisation', { size: 224 }],
    ['text', 'mean = 0.5'],
    ['another factor', { image_mean: mean, image_std: std, rescale_factor: 0.5 }],
    ['no numbers', { mean: ['a'], std }],
    ['channels in another order', { image_mean: mean, image_std: std, do_flip_channel_order: true }],
    ['a shift of its own', { image_mean: mean, image_std: std, rescale_offset: true }],
  ])('with %s is refused', (_, content) => {
    expect(() => readPreprocessing(file(content))).toThrow(expect.objectContaining({ name: 'UserError' }));
  });
});
