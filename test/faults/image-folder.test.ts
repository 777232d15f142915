import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyImageFolder, writeText } from '../image-files.js';
import { expectMistake, fresh, lcdnn } from './cli.js';

const SMALL = ['--image-size', '16', '--batch-size', '2', '--validation', '2', '--epochs', '1', '--width', '0.1'];
let images: string;

beforeAll(async () => {
  images = fresh('images');
  await tinyImageFolder(images);
  writeText(join(images, 'train', 'b', 'broken.jpg'), 'no image');
});

const trained = (out: string, ...more: string[]) =>
  ['train', '--dataset', 'folder', '--data-dir', images, ...SMALL, '--out', out, ...more] as const;

describe.concurrent('an image folder', () => {
  it('trains, says what was skipped, and keeps the classes of a list that vanishes', async () => {
    const list = fresh('classes.txt');
    writeFileSync(list, 'c\nb\n');
    const out = fresh('run');
    const { code, stderr } = await lcdnn(...trained(out, '--classes', list));
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/skipped 1 of 11 images .*: train\/b\/broken.jpg: expected/),
    ]);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      classes: ['c', 'b'],
      dataDir: images,
    });
    rmSync(list);
    const evaluated = await lcdnn('evaluate', out, '--json');
    expect(evaluated.code).toBe(0);
  });

  it('stops with --strict', () =>
    expectMistake(
      trained(fresh('run'), '--strict'),
      /^error: .*train\/b\/broken.jpg: expected an image .*; without --strict it is skipped\n$/,
    ));

  it('needs to be named', () =>
    expectMistake(
      ['train', '--dataset', 'folder', '--out', fresh('run')],
      /^error: folder: expected a folder of images, found none named; name it with --data-dir .*\n$/,
    ));

  it('refuses classes that are none', () =>
    expectMistake(
      trained(fresh('run'), '--classes', '1'),
      /^error: options: classes: expected a number from 2.*, found 1\n$/,
    ));
});
