import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { integer, random } from '../base/random.js';
import { readImage, readSquare } from './image.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-image-'));

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const raw = (channels: 1 | 2 | 3 | 4, ...pixels: number[]) =>
  sharp(Uint8Array.from(pixels), { raw: { width: pixels.length / channels, height: 1, channels } });

describe('readImage', () => {
  it.each<[string, 1 | 2 | 3 | 4, number[], number[]]>([
    ['grey', 1, [7, 200], [7, 7, 7, 255, 200, 200, 200, 255]],
    ['grey with alpha', 2, [7, 9], [7, 7, 7, 9]],
    ['RGB', 3, [1, 2, 3, 4, 5, 6], [1, 2, 3, 255, 4, 5, 6, 255]],
    ['RGBA', 4, [1, 2, 3, 4], [1, 2, 3, 4]],
  ])('gives RGBA for %s', async (name, channels, pixels, expected) => {
    const image = await readImage(
      file(
        `${name}.png`,
        await raw(channels, ...pixels)
          .png()
          .toBuffer(),
      ),
    );
    expect(image).toMatchObject({ width: pixels.length / channels, height: 1 });
    expect([...image.data]).toEqual(expected);
  });

  it('gives 8 bits for 16, and grey stays grey', async () => {
    const png = await raw(1, 0, 128, 255).toColourspace('grey16').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    const image = await readImage(file('deep.png', png));
    expect([...image.data]).toEqual([0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255]);
  });

  it('turns a photograph upright', async () => {
    const jpeg = await raw(3, 255, 255, 255, 0, 0, 0).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await readImage(file('turned.jpg', jpeg))).toMatchObject({ width: 1, height: 2 });
  });

  it('refuses what is no image, is cut short, absent or too large', async () => {
    const next = random(1);
    const noise = sharp(
      Uint8Array.from({ length: 30_000 }, () => integer(next, 256)),
      {
        raw: { width: 100, height: 100, channels: 3 },
      },
    );
    const cut = (await noise.png().toBuffer()).subarray(0, 2000);
    const huge = '<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="20000"/>';
    for (const [path, message] of [
      [file('text.png', 'no image'), /text.png: expected an image .* found: .*unsupported image format/],
      [file('empty.png', ''), /empty.png: expected an image/],
      [file('cut.png', cut), /cut.png: expected an image/],
      [file('huge.svg', huge), /huge.svg: expected an image .* pixel limit/],
      [join(folder, 'absent.png'), /absent.png: expected an image file, found: no such file/],
    ] as const) {
      const reading = readImage(path);
      await expect(reading).rejects.toThrow(UserError);
      await expect(reading).rejects.toThrow(message);
    }
  });
});

describe('readSquare', () => {
  const square = async (name: string, image: Sharp, side = 1) => [
    ...(await readSquare(file(name, await image.toBuffer()), side)),
  ];

  it('gives RGB of 8 bits for grey, 16 bits, transparency and CMYK', async () => {
    expect(await square('grey.png', raw(1, 7).png())).toEqual([7, 7, 7]);
    expect(await square('grey-alpha.png', raw(2, 200, 255).png())).toEqual([200, 200, 200]);
    expect(await square('rgba.png', raw(4, 10, 20, 30, 0).png())).toEqual([0, 0, 0]);
    expect(await square('half.png', raw(4, 100, 200, 50, 128).png())).toEqual([50, 100, 25]);
    expect(await square('deep.png', raw(1, 128).toColourspace('grey16').png())).toEqual([128, 128, 128]);
    expect(await square('deep-rgb.png', raw(3, 1, 128, 255).toColourspace('rgb16').png())).toEqual([1, 128, 255]);
    const white = Array.from(await square('cmyk.jpg', raw(3, 255, 255, 255).toColourspace('cmyk').jpeg()));
    expect(white).toHaveLength(3);
    expect(Math.min(...white)).toBeGreaterThan(245);
  });

  it('turns photographs upright and takes the middle of the longer side', async () => {
    const wide = raw(3, 255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255).png();
    expect(await square('wide.png', wide)).toEqual([0, 255, 0]);
    const columns = Uint8Array.from([255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0]);
    const lying = sharp(columns, { raw: { width: 2, height: 2, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png();
    expect(await square('lying.png', lying, 2)).toEqual([255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0]);
  });
});
