import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** An image of one colour, as its name's ending says. */
export async function plainImage(path: string, [r, g, b]: readonly number[], width = 12, height = 10): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: { r, g, b } } }).toFile(path);
}

/** A PNG, small for the pixels it says it has: black, in one bit each, all of them or only some rows. */
export function hugePng(width: number, height: number, rowsThere = height): Buffer {
  const chunk = (type: string, body: Buffer): Buffer => {
    const typed = Buffer.concat([Buffer.from(type), body]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(rowsThere * (1 + Math.ceil(width / 8))));
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** Classes a, b, c in train/ (3 images each) and val/ (2 each); the red of an image tells its class. */
export async function tinyImageFolder(folder: string): Promise<void> {
  for (const [label, name] of ['a', 'b', 'c'].entries()) {
    for (const [part, count] of [
      ['train', 3],
      ['val', 2],
    ] as const) {
      for (let i = 0; i < count; i++) {
        const ending = ['png', 'jpg', 'webp'][i];
        await plainImage(join(folder, part, name, `${i}.${ending}`), [100 * label, 50 * i, 20]);
      }
    }
  }
}

export function writeText(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
