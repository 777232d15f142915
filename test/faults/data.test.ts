import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../src/datasets/formats/idx.js';
import { idx, writeFiles } from '../tiny-dataset.js';
import { expectMistake, expectMistakeIn, fresh, lcdnn, RUN, TINY, tinyOptions } from './cli.js';

const { entry, contents } = TINY;

/** A folder with the files of `tiny`, one of them with another content. */
function dataWith(role: Role, content: Buffer, gzip = false): string {
  const folder = fresh('data');
  writeFiles(folder, entry, contents, gzip);
  writeFileSync(join(folder, entry.files[role].name + (gzip ? '.gz' : '')), content);
  return folder;
}

const changed = (content: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(content);
  copy[at] = value;
  return copy;
};
const gzipped = gzipSync(contents.trainImages);
const { trainImages, trainLabels } = contents;

describe.concurrent('train --data-dir names the file and what is wrong with', () => {
  it.each<[string, string, RegExp]>([
    ['images cut short', dataWith('trainImages', trainImages.subarray(0, 5000)), /expected 30720 bytes .* cut short/],
    [
      'images cut in the header',
      dataWith('trainImages', trainImages.subarray(0, 7)),
      /header of 16 bytes, found .* 7;/,
    ],
    ['an empty file', dataWith('trainImages', Buffer.alloc(0)), /header of 16 bytes, found a file of 0/],
    ['images that go on', dataWith('trainImages', Buffer.concat([trainImages, Buffer.from('x')])), /found more/],
    ['a header that promises more', dataWith('trainImages', changed(trainImages, 4, 255)), /its header says 42781/],
    ['another magic number', dataWith('trainImages', changed(trainImages, 3, 9)), /magic number 2051\), found .* 2057/],
    ['labels in place of images', dataWith('trainImages', trainLabels), /magic number 2051\), found magic number 2049/],
    [
      'a label out of range',
      dataWith('testLabels', changed(contents.testLabels, 20, 7)),
      /from 0 to 2, found 7 at index 12/,
    ],
    [
      'fewer labels than images',
      dataWith('trainLabels', idx([2049, 60], trainLabels.subarray(8, 68))),
      /each of the 120/,
    ],
    ['images of another size', dataWith('testImages', idx([2051, 30, 8, 8], Buffer.alloc(1920))), /found 30 of 8x8/],
    ["another data set's labels", dataWith('trainLabels', changed(trainLabels, 8, 1)), /another data set's\?/],
    [
      'a gzip file cut short',
      dataWith('trainImages', gzipped.subarray(0, 50), true),
      /expected a whole gzip file, found/,
    ],
    [
      'a damaged gzip file',
      dataWith('trainImages', changed(gzipped, 20, gzipped[20] ^ 1), true),
      /whole gzip file|bytes/,
    ],
    ['a gzip file that unpacks to gigabytes', dataWith('trainImages', gzipSync(Buffer.alloc(5e7)), true), /found more/],
  ])('%s', async (_, data, fault) => {
    const out = fresh('run');
    const { code, stdout, stderr } = await lcdnn('train', ...tinyOptions(1), '--data-dir', data, '--out', out);
    expectMistakeIn({ code, stdout, stderr }, fault);
    expect(stderr).toContain(`error: ${data}/`);
    expect(existsSync(out)).toBe(false);
  });

  it('a folder without the files', () =>
    expectMistake(
      ['train', ...tinyOptions(1), '--data-dir', 'nowhere'],
      /^error: nowhere: expected the files of tiny there .*train-images-idx3-ubyte.*with \.gz, \.xz or without\)\n$/,
    ));
});

describe.concurrent('data', () => {
  it('fetch without network says which files to put where, and leaves no part of one', async () => {
    const dataDir = fresh('data');
    const names = ROLES.map((role) => entry.files[role].name).join(', ');
    await expectMistake(
      ['data', 'fetch', 'tiny', '--data-dir', dataDir],
      `error: tiny is not here and could not be downloaded; put ${names} (each with .gz, .xz or without) into ${dataDir}/tiny, ` +
        'or name their folder with --data-dir or LCDNN_DATA (127.0.0.1:2: ECONNREFUSED)\n',
    );
  });

  it('fetch into a place that can not be written says so', () =>
    expectMistake(
      ['data', 'fetch', 'tiny', '--data-dir', '/dev/null/x'],
      /^error: \/dev\/null\/x\/tiny: can't be written/,
    ));

  it('verify names a damaged file, which training would not notice', async () => {
    const data = dataWith('testImages', changed(contents.testImages, 99, 1));
    const { code, stdout, stderr } = await lcdnn('data', 'verify', 'tiny', '--data-dir', data);
    expect([code, stdout.match(/^right /gm)?.length]).toEqual([2, 3]);
    expect(stderr).toMatch(/^error: \S+t10k-images-idx3-ubyte: expected content with SHA-256 .* replace the file\n$/);
  });

  it('that is gone is named by every command that needs it', async () => {
    const line = /^error: nowhere: expected the files of tiny there/;
    await Promise.all([
      expectMistake(['tune-tau', RUN, '--data-dir', 'nowhere'], line),
      expectMistake(['evaluate', RUN, '--data-dir', 'nowhere'], line),
      expectMistake(['export', RUN, '--out', fresh(), '--data-dir', 'nowhere'], line),
    ]);
  });
});
