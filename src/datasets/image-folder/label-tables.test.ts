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
  expect(listImages(folder)).toMatchObject({
    classes: ['cat, small', 'dog'],
    train: { files: ['a.jpg', 'sub/b "2".png'], labels: Uint16Array.of(0, 1) },
    test: { files: ['d.jpg', 'c.jpg'], labels: Uint16Array.of(0, 1) },
  });
});

it('for runs of lcdnn 0.1, sets a tenth of labels.csv aside by position', () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i}.jpg,${'ab'[i % 2]}`);
  const folder = folderWith({ 'labels.csv': ['file,label', ...rows].join('\n') });
  const listing = listImages(folder, undefined, 'position');
  expect([...listing.test!.labels]).toEqual([0, 0, 1, 1]);
  expect(new Set([...listing.train.files, ...listing.test!.files]).size).toBe(40);
  expect(listImages(folder, undefined, 'position')).toEqual(listing);
  expect(listImages(folder).test).toBeUndefined();
});

it('reads train.csv alone like labels.csv', () => {
  const rows = 'file,label\na.jpg,x\nb.jpg,y\n';
  const listing = listImages(folderWith({ 'train.csv': rows, 'a.jpg': '', 'b.jpg': '' }));
  expect(listing).toMatchObject({ layout: 'train.csv', train: { files: ['a.jpg', 'b.jpg'] } });
  expect(listing.test).toBeUndefined();
});

const good = 'file,label\na.jpg,a\nb.jpg,b\n';

it.each<[string, Record<string, string>, RegExp]>([
  [
    'a file with two classes',
    { 'labels.csv': `${good}./a.jpg,b\n`, 'a.jpg': '' },
    /labels.csv: expected one class for each file, found \.\/a\.jpg as a in row 1 and as b in row 3/,
  ],
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
  ['one class', { 'labels.csv': 'file,label\na.jpg,a\n' }, /expected 2 to 65,536 classes to tell apart, found 1/],
  [
    'a column that is there twice',
    { 'labels.csv': 'file,label,label\na.jpg,a,1\nb.jpg,b,2\n' },
    /labels.csv: expected each column once, found label twice/,
  ],
  [
    'two columns of classes that disagree',
    { 'labels.csv': 'file,class,label\na.jpg,x,a\nb.jpg,x,b\nc.jpg,y,b\n' },
    /labels.csv: expected one column of classes, found label and class, which disagree/,
  ],
  ['a table for testing alone', { 'test.csv': good }, /expected a table train.csv, or labels.csv; found only a table/],
])('refuses %s', (_, tables, message) => {
  const run = () => listImages(folderWith(tables));
  expect(run).toThrow(UserError);
  expect(run).toThrow(message);
  expect(run).not.toThrow('\n');
});

/** A table, and how it is read. */
const table = (text: string | Uint8Array, ...files: string[]) => {
  const folder = folderWith({});
  writeText(join(folder, 'labels.csv'), text);
  for (const file of files) writeText(join(folder, file), '');
  const { classes, train } = listImages(folder);
  return { folder, rows: train.files.map((file, i) => `${file} ${classes[train.labels[i]]}`) };
};

it.each<[string, string | Uint8Array, string[]]>([
  ['semicolons', 'file;label\na, b.jpg;x\nc.jpg;y\n', ['a, b.jpg x', 'c.jpg y']],
  ['tabs', 'file\tlabel\na.jpg\tx\nc.jpg\ty\n', ['a.jpg x', 'c.jpg y']],
  ['filename and class', 'filename,class\na.jpg,x\nc.jpg,y\n', ['a.jpg x', 'c.jpg y']],
  ['capitals in the header', 'Class,FileName\nx,a.jpg\ny,c.jpg\n', ['a.jpg x', 'c.jpg y']],
  ['backslashes', 'file,label\nsub\\d.jpg,x\nc.jpg,y\n', ['sub/d.jpg x', 'c.jpg y']],
  ['names without their ending', 'file,label\na,x\nc,y\n', ['a.jpg x', 'c.jpg y']],
  ['file names in other capitals', 'file,label\nSUB\\D.JPG,x\nC.JPG,y\n', ['sub/d.jpg x', 'c.jpg y']],
  [
    'invisible characters around a class',
    'file,label\na.jpg,\u200bx\u00a0\nd.jpg,x\nc.jpg,y\ufeff\n',
    ['a.jpg x', 'sub/d.jpg x', 'c.jpg y'],
  ],
  ['rows that end as on old Macs', 'file,label\ra.jpg,x\rc.jpg,y\r', ['a.jpg x', 'c.jpg y']],
  ['a class as number and name', 'file,class,label\na.jpg,0,x\nc.jpg,1,y\n', ['a.jpg x', 'c.jpg y']],
  ['names without their folder', 'file,label\nd.jpg,x\nd2,y\n', ['sub/d.jpg x', 'sub/d2.png y']],
  [
    'absolute paths of another machine',
    'file,label\nC:\\data\\a.jpg,x\n/kaggle/input/sub/d.jpg,y\n',
    ['a.jpg x', 'sub/d.jpg y'],
  ],
  [
    'UTF-16 with a byte order mark',
    Buffer.from('\uFEFFfile,label\na.jpg,é\nc.jpg,y\n', 'utf16le'),
    ['c.jpg y', 'a.jpg é'],
  ],
  ['accents in two forms', 'file,label\na.jpg,\u00e9\nc.jpg,e\u0301\nd.jpg,y\n', ['sub/d.jpg y', 'a.jpg é', 'c.jpg é']],
])('understands %s', (_, text, expected) => {
  const { rows } = table(text, 'a.jpg', 'a, b.jpg', 'c.jpg', 'sub/d.jpg', 'sub/d2.png');
  expect(rows).toEqual(expected);
});

it('splits by a column of the table', () => {
  const rows = ['a.jpg,x,train', 'b.jpg,y,Train', 'c.jpg,x,test', 'd.jpg,y,test', 'e.jpg,y,val'];
  const files = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}.jpg`, '']));
  const folder = folderWith({ 'labels.csv': ['file,label,split', ...rows].join('\n'), ...files });
  expect(listImages(folder)).toMatchObject({
    layout: 'labels.csv, whose column says train or test',
    train: { files: ['a.jpg', 'b.jpg'] },
    test: { files: ['c.jpg', 'd.jpg'] },
    ignored: [{ reason: 'images that no table names', count: 1, examples: ['e.jpg'] }],
  });
});

it('notices images in the folder of another class than the table says', () => {
  const text = 'file,label\ncat/a.jpg,dog\ncat/b.jpg,cat\ndog/c.jpg,dog\nother/d.jpg,cat\n';
  const folder = folderWith({
    'labels.csv': text,
    'cat/a.jpg': '',
    'cat/b.jpg': '',
    'dog/c.jpg': '',
    'other/d.jpg': '',
  });
  expect(listImages(folder).contradicted).toEqual(['cat/a.jpg']);
});

it('understands absolute paths in the folder', () => {
  const folder = folderWith({ 'a.jpg': '', 'b.jpg': '' });
  writeText(join(folder, 'labels.csv'), `file,label\n${join(folder, 'a.jpg')},x\nb.jpg,y\n`);
  expect(listImages(folder).train.files).toEqual(['a.jpg', 'b.jpg']);
});

it('takes no file for a name that two files may have', () => {
  const { rows } = table('file,label\nd,x\na.jpg,y\n', 'a.jpg', 'sub/d.jpg', 'sub/d.png');
  expect(rows).toEqual(['d x', 'a.jpg y']); // no such file: it is skipped and reported
});

it.each<[string, Uint8Array, RegExp]>([
  [
    'Latin-1',
    Buffer.from('file,label\na.jpg,x\nb.jpg,caf\u00e9\n', 'latin1'),
    /labels.csv: expected UTF-8, found other bytes in row 3/,
  ],
  [
    'UTF-16 without a byte order mark',
    Buffer.from('file,label\na.jpg,x\n', 'utf16le'),
    /labels.csv: expected UTF-8, found UTF-16/,
  ],
])('refuses a table in %s', (_, content, message) => {
  expect(() => table(content)).toThrow(message);
});
