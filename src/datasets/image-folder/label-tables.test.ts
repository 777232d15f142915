import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeText } from '../../../test/image-files.js';
import { UserError } from '../../base/errors.js';
import { listImages } from './list-images.js';

function folderWith(tables: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-tables-'));
  for (const [name, text] of Object.entries(tables)) writeText(join(folder, name), text);
  return folder;
}

it('reads train.csv and test.csv: quoted fields, other columns, a byte order mark', () => {
  const folder = folderWith({
    'train.csv': '\uFEFFlabel,file,by\r\n"cat, small",a.jpg,x\r\ndog,"sub/b ""2"".png",y\r\n',
    'test.csv': 'file,label\nc.jpg,dog\nd.jpg,"cat, small"\n',
  });
  expect(listImages(folder)).toEqual({
    classes: ['cat, small', 'dog'],
    train: { files: ['a.jpg', 'sub/b "2".png'], labels: Uint16Array.of(0, 1) },
    test: { files: ['d.jpg', 'c.jpg'], labels: Uint16Array.of(0, 1) },
  });
});

it('sets a tenth of labels.csv aside for testing, always the same', () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i}.jpg,${'ab'[i % 2]}`);
  const listing = listImages(folderWith({ 'labels.csv': ['file,label', ...rows].join('\n') }));
  expect([...listing.test.labels]).toEqual([0, 0, 1, 1]);
  expect(new Set([...listing.train.files, ...listing.test.files]).size).toBe(40);
  expect(listImages(folderWith({ 'labels.csv': ['file,label', ...rows].join('\n') }))).toEqual(listing);
});

const good = 'file,label\na.jpg,a\nb.jpg,b\n';

it.each<[string, Record<string, string>, RegExp]>([
  ['no test.csv', { 'train.csv': good }, /test.csv: expected .* table .*, found: no such file/],
  [
    'an unknown column',
    { 'train.csv': 'path,label\na,b\n', 'test.csv': good },
    /train.csv: expected the columns file and label, found path, label/,
  ],
  ['no rows', { 'train.csv': 'file,label\n', 'test.csv': good }, /train.csv: expected images, found none/],
  [
    'a row too short',
    { 'train.csv': 'file,label\na.jpg\n', 'test.csv': good },
    /train.csv: expected comma-separated values, found: /,
  ],
  [
    'a quote that never ends',
    { 'train.csv': 'file,label\n"a.jpg,a\n', 'test.csv': good },
    /train.csv: expected comma-separated values/,
  ],
  [
    'an empty label',
    { 'train.csv': 'file,label\na.jpg,\n', 'test.csv': good },
    /expected a file and a label in each row, found none in row 1/,
  ],
  [
    'a path out of the folder',
    { 'train.csv': `${good}../x.jpg,a\n`, 'test.csv': good },
    /expected paths in .*, found \.\.\/x.jpg in row 3/,
  ],
  [
    'an absolute path',
    { 'train.csv': `${good}/etc/x.jpg,a\n`, 'test.csv': good },
    /expected paths in .*, found \/etc\/x.jpg/,
  ],
  [
    'other classes to test on',
    { 'train.csv': good, 'test.csv': 'file,label\nc.jpg,c\n' },
    /test.csv lacks a, b; only test.csv has c/,
  ],
  ['too few to set some aside', { 'labels.csv': 'file,label\na.jpg,a\n' }, /labels.csv: expected|validation/],
])('refuses %s', (_, tables, message) => {
  const run = () => listImages(folderWith(tables));
  expect(run).toThrow(UserError);
  expect(run).toThrow(message);
  expect(run).not.toThrow('\n');
});
