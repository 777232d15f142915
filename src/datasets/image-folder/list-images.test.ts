import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeText } from '../../../test/image-files.js';
import { listImages } from './list-images.js';

function folderWith(...files: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-list-'));
  for (const file of files) writeText(join(folder, file), '');
  return folder;
}

const listed = (...files: string[]) => {
  const { folder: _, classes, train, test, ...rest } = listImages(folderWith(...files));
  return { classes, train: train.files, test: test?.files, ...rest };
};

it.each<[string, string[], object]>([
  [
    'class folders alone',
    ['dog/1.jpg', 'cat/2.jpeg', 'cat/1.png'],
    { layout: 'CLASS', classes: ['cat', 'dog'], train: ['cat/1.png', 'cat/2.jpeg', 'dog/1.jpg'], test: undefined },
  ],
  ...['val', 'valid', 'validation', 'test', 'Test'].map((name): [string, string[], object] => [
    `train and ${name}`,
    ['train/a/1.jpg', 'train/b/1.jpg', `${name}/a/2.jpg`, `${name}/b/2.jpg`],
    {
      layout: `train/CLASS and ${name}/CLASS`,
      train: ['train/a/1.jpg', 'train/b/1.jpg'],
      test: [`${name}/a/2.jpg`, `${name}/b/2.jpg`],
    },
  ]),
  ['train alone', ['train/a/1.jpg', 'train/b/1.jpg'], { layout: 'train/CLASS', test: undefined }],
  [
    'folders inside class folders',
    ['a/x/1.jpg', 'a/x/y/2.jpg', 'b/3.jpg'],
    { classes: ['a', 'b'], train: ['a/x/1.jpg', 'a/x/y/2.jpg', 'b/3.jpg'] },
  ],
  ['a folder around it, as archives unpack to', ['pets/cat/1.jpg', 'pets/dog/1.jpg'], { classes: ['cat', 'dog'] }],
  ['a class called train', ['train/1.jpg', 'bus/1.jpg'], { layout: 'CLASS', classes: ['bus', 'train'] }],
  [
    'every image format that sharp reads',
    ['a/1.gif', 'a/2.tif', 'a/3.tiff', 'a/4.avif', 'a/5.webp', 'a/6.JPG', 'b/1.jfif'],
    { train: ['a/1.gif', 'a/2.tif', 'a/3.tiff', 'a/4.avif', 'a/5.webp', 'a/6.JPG', 'b/1.jfif'], ignored: [] },
  ],
])('reads %s', (_, files, expected) => {
  expect(listed(...files)).toMatchObject(expected);
});

it.each<[string, string[], RegExp]>([
  [
    'splits inside the classes',
    ['cat/train/1.jpg', 'cat/test/2.jpg', 'dog/train/1.jpg', 'dog/test/2.jpg'],
    /expected train\/CLASS\/, found the splits inside the classes \(cat\/t/,
  ],
  [
    'splits with names of their own',
    ['seg_train/a/1.jpg', 'seg_train/b/1.jpg', 'seg_test/a/2.jpg', 'seg_test/b/2.jpg'],
    /expected a folder per class, found seg_test, seg_train with the same folders inside \(a, b\); call them train and test/,
  ],
  [
    'a set and a testset',
    ['trainset/a/1.jpg', 'trainset/b/1.jpg', 'testset/a/2.jpg', 'testset/b/2.jpg'],
    /call them train and test/,
  ],
])('refuses %s', (_, files, message) => {
  expect(() => listed(...files)).toThrow(
    expect.objectContaining({ name: 'UserError', message: expect.stringMatching(message) }),
  );
});

it('reads classes whose folders hold the same folders', () => {
  expect(listed('cat/in/1.jpg', 'cat/out/2.jpg', 'dog/in/1.jpg', 'dog/out/2.jpg').classes).toEqual(['cat', 'dog']);
  expect(listed('contest/in/1.jpg', 'contest/out/2.jpg', 'dog/in/1.jpg', 'dog/out/2.jpg').classes).toHaveLength(2);
});

it('does not lose a class whose images are all in a format that it cannot read', () => {
  expect(() => listed('cat/1.heic', 'cat/2.heic', 'dog/1.jpg', 'owl/1.jpg')).toThrow(
    /expected images of class cat, found none .*\(JPEG, .*\); convert them, or remove the folder/,
  );
  expect(listed('notes/1.txt', 'dog/1.jpg', 'owl/1.jpg').classes).toEqual(['dog', 'owl']);
});

it('counts what is not used, by reason, and what systems hide', () => {
  const { ignored, train } = listed(
    ...['train/a/1.jpg', 'train/b/1.jpg', 'test/a/2.jpg', 'test/b/2.jpg', 'val/a/3.jpg', 'loose.png'],
    ...['train/a/notes.txt', 'train/a/4.bmp', 'train/a/5.heic', 'readme.md'],
    ...['__MACOSX/train/a/._1.jpg', 'train/a/.DS_Store', 'train/a/desktop.ini', 'train/b/Thumbs.db', 'train/a/._1.jpg'],
  );
  expect(train).toEqual(['train/a/1.jpg', 'train/b/1.jpg']);
  expect(Object.fromEntries(ignored.map(({ reason, count }) => [reason, count]))).toEqual({
    'images outside the folders that are used (train/CLASS and test/CLASS)': 2,
    'in an image format that is not supported here: convert them to JPEG or PNG': 2,
    'not images': 2,
    'system files': 5,
  });
});

it('follows links, never in a circle', () => {
  const folder = folderWith('elsewhere/1.jpg', 'all/a/2.jpg', 'all/b/1.jpg');
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'all', 'a', 'link'));
  symlinkSync('..', join(folder, 'all', 'a', 'up'));
  expect(listImages(join(folder, 'all')).train.files).toEqual(['a/2.jpg', 'a/link/1.jpg', 'b/1.jpg']);
});

it('refuses a folder whose name is not UTF-8', () => {
  const folder = folderWith('a/1.jpg', 'b/1.jpg');
  mkdirSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])]));
  expect(() => listImages(folder)).toThrow(/caf\ufffd: expected a name in UTF-8, found other bytes; rename the folder/);
});

it('ignores a folder without images beside class folders', () => {
  const folder = folderWith('a/1.jpg', 'b/1.jpg', 'docs/readme.txt');
  mkdirSync(join(folder, 'empty'));
  expect(listImages(folder).classes).toEqual(['a', 'b']);
});

it('for runs of lcdnn 0.1, lists what that saw', () => {
  const folder = folderWith(
    'train/a/1.jpg',
    'train/a/x/2.jpg',
    'train/a/3.gif',
    'train/b/1.png',
    'val/a/1.jpg',
    'val/b/1.jpg',
  );
  expect(listImages(folder, undefined, 'position').train.files).toEqual(['train/a/1.jpg', 'train/b/1.png']);
});
