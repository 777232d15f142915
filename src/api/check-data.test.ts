import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { writeText } from '../../test/image-files.js';
import { random } from '../base/random.js';
import { dataReportText, dataSummary } from '../cli/data-report.js';
import { imagesToCertify } from '../datasets/inspect/advice.js';
import type { Advice } from '../datasets/inspect/report.js';
import { checkData } from './check-data.js';

process.env['XDG_CACHE_HOME'] = mkdtempSync(join(tmpdir(), 'lcdnn-cache-'));

/** A picture with structure, different for every seed. */
async function picture(path: string, seed: number, size = 64): Promise<void> {
  const next = random(seed);
  const pixels = Uint8Array.from({ length: 144 }, () => Math.floor(256 * next()));
  writeText(
    path,
    await sharp(pixels, { raw: { width: 8, height: 6, channels: 3 } })
      .resize(size, size)
      .png()
      .toBuffer(),
  );
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-check-'));
const at = (path: string) => join(folder, path);

it('finds what is planted in a folder, and advises', async () => {
  for (let i = 0; i < 40; i++) await picture(at(`train/cat/${i}.png`), i);
  for (let i = 0; i < 3; i++) await picture(at(`train/dog/${i}.png`), 100 + i);
  await picture(at('train/Cat_/1.png'), 300);
  for (const [i, name] of ['cat', 'dog', 'Cat_'].entries()) await picture(at(`test/${name}/t.png`), 200 + i);
  copyFileSync(at('train/cat/5.png'), at('test/cat/same.png'));
  copyFileSync(at('train/cat/6.png'), at('train/dog/same.png'));
  writeText(at('test/cat/smaller.jpg'), await sharp(at('train/cat/7.png')).resize(40).jpeg({ quality: 70 }).toBuffer());
  writeText(at('train/cat/broken.jpg'), 'no image');
  writeText(at('train/cat/notes.txt'), '');
  writeText(at('train/cat/scan.bmp'), '');
  writeText(at('__MACOSX/x.png'), '');

  const report = await checkData(folder, { imageSize: 160, validation: 0.1 });
  expect(report).toMatchObject({
    dataset: 'folder',
    layout: 'train/CLASS and test/CLASS',
    images: { test: 5 },
    broken: [{ file: 'train/cat/broken.jpg' }],
    sizes: { smallest: [40, 40], median: [64, 64], blurred: 50 },
  });
  const of = (kind: Advice['kind']) => report.advice.filter((advice) => advice.kind === kind).map(({ text }) => text);
  expect(of('copies in two classes')[0]).toMatch(
    /^1 pair of images \(1 with the same content\) have different classes.*cat\/6.png/,
  );
  expect(of('copies between splits')[0]).toMatch(/2 pairs of images \(1 with the same content, 1 that look alike\)/);
  expect(of('imbalance')[0]).toMatch(/^cat has \d+ training images, Cat_ has 1: .* Add images of them/);
  expect(of('tiny class')[0]).toMatch(/^Cat_: too few different images/);
  expect(of('similar names')[0]).toMatch(/classes "Cat_" and "cat" differ only in capitals/);
  expect(of('weak certificate')[0]).toMatch(
    /validation images: a threshold with at most 1 % harmful exits needs 230 or more/,
  );
  expect(of('ignored files').join()).toMatch(
    /1 file ignored, not images: train\/cat\/notes.txt.*1 file ignored, .*scan.bmp/,
  );
  expect(of('broken files')[0]).toMatch(/^1 images can't be used: train\/cat\/broken.jpg/);
  expect(of('small images')[0]).toMatch(/^50 images are less than half as large/);

  const text = dataReportText(report);
  for (const { text: advice } of report.advice) expect(text).toContain(`- ${advice}`);
  expect(text).toMatch(/broken images: 1; ignored files: 2, and 1 system files/);
  expect(dataSummary(report)[0]).toMatch(/^data: \d+ images to train on \(1 to \d+ of each of 3 classes\)/);
});

it('checks a data set of the catalogue', async () => {
  const report = await checkData('fashion-mnist-sample');
  expect(report.images).toEqual({ train: 5400, validation: 600, test: 1000 });
  expect(report.classes).toHaveLength(10);
  expect(report.copies.filter(({ exact }) => exact)).toEqual([]);
});

it('knows how many images prove a bound', () => {
  expect(imagesToCertify(0.01)).toBe(230);
  expect((1 - 0.01) ** 230).toBeLessThanOrEqual(0.1);
  expect((1 - 0.01) ** 229).toBeGreaterThan(0.1);
});
