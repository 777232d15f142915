import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { sha256 } from '../src/base/hash.js';
import type { CifarEntry } from '../src/datasets/formats/cifar.js';

/** Records of 4x3 pixels in 3 colours after `labelBytes` label bytes, with classes 0, 1, 2, 0, ... */
function records(count: number, labelBytes: number, salt: number): Buffer {
  const one = (i: number) =>
    Array.from({ length: labelBytes + 36 }, (_, k) =>
      k < labelBytes ? (i + k + 1 - labelBytes) % 3 : i * 91 + k * 7 + salt,
    );
  return Buffer.from(Array.from({ length: count }, (_, i) => one(i)).flat());
}

/** A data set in CIFAR's binary version: 3 classes, two files of 6 training images, one of 6 test images. */
export function tinyCifar(
  labelBytes = 1,
  sources: string[] = [],
): { entry: CifarEntry; contents: Record<string, Buffer> } {
  const contents: Record<string, Buffer> = {
    'data_batch_1.bin': records(6, labelBytes, 1),
    'data_batch_2.bin': records(6, labelBytes, 2),
    'test_batch.bin': records(6, labelBytes, 3),
  };
  const file = (name: string) => ({ name, bytes: contents[name].length, sha256: sha256(contents[name]) });
  const entry: CifarEntry = {
    name: 'tiny-cifar',
    format: 'cifar',
    title: 'A few pictures',
    licence: 'MIT',
    credit: 'nobody',
    sources,
    archive: { name: 'tiny-cifar.tar.gz', folder: 'tiny-cifar-bin', bytes: 0, sha256: '' },
    shape: [4, 3, 3],
    labels: ['a', 'b', 'c'],
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    train: 12,
    test: 6,
    labelBytes,
    files: { train: [file('data_batch_1.bin'), file('data_batch_2.bin')], test: [file('test_batch.bin')] },
  };
  return { entry, contents };
}

/** A .tar.gz of these files. */
export async function tarGz(contents: Readonly<Record<string, Buffer>>, folder = 'tiny-cifar-bin'): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(contents)) archive.entry({ name: `${folder}/${name}` }, content);
  archive.entry({ name: `${folder}/readme.html` }, 'what this is');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

/** Content as the `xz` command packs it. */
export const xz = (content: Buffer): Buffer => execFileSync('xz', ['--compress', '--stdout', '-0'], { input: content });

/** Writes files into a folder that is made where it is not there. */
export function writeAll(folder: string, files: Readonly<Record<string, Buffer>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}
