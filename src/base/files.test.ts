import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readFileOrExplain, writeFileAtomic } from './files.js';

it('writes and reads files of more than 2 GiB, as checkpoints of VGG16 for 224x224 images are', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-files-'));
  const path = join(folder, 'large');
  try {
    const written = new Uint8Array(2 ** 31 + 8);
    const places = [0, 2 ** 30 - 1, 2 ** 30, 2 ** 31, written.length - 1];
    for (const [i, place] of places.entries()) written[place] = i + 1;
    writeFileAtomic(path, written);
    const read = readFileOrExplain(path, 'a large file');
    expect(read.length).toBe(written.length);
    expect(places.map((place) => read[place])).toEqual([1, 2, 3, 4, 5]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
