import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { catalogEntries, catalogEntry, PACKAGE_DATASETS, parseCatalog } from './catalog.js';

it('has the data sets', () => {
  expect(catalogEntries().map((entry) => entry.name)).toEqual([
    'mnist',
    'fashion-mnist',
    'cifar-10',
    'cifar-100',
    'fashion-mnist-sample',
  ]);
  expect(catalogEntry('mnist')).toMatchObject({ shape: [28, 28, 1], train: 60_000, test: 10_000 });
});

it('names the data sets there are, and the one that was meant', () => {
  expect(() => catalogEntry('mnsit')).toThrow(UserError);
  expect(() => catalogEntry('mnsit')).toThrow(
    'no data set is called "mnsit"; did you mean mnist? There are: mnist, fashion-mnist, cifar-10, cifar-100, fashion-mnist-sample; ' +
      'and imagenet, folder for image folders',
  );
  expect(() => catalogEntry('imagenet-150k')).toThrow('called "imagenet-150k". There are: mnist');
});

const json = JSON.parse(readFileSync(`${PACKAGE_DATASETS}/catalog.json`, 'utf8'));

it.each<[string, (entry: typeof json.mnist) => void]>([
  ['an unknown key', (entry) => Object.assign(entry, { size: 1 })],
  ['a file less', (entry) => Reflect.deleteProperty(entry.files, 'testLabels')],
  ['a checksum that is none', (entry) => Object.assign(entry.files.testLabels, { sha256: 'abc' })],
  ['bytes that do not fit the shape', (entry) => Object.assign(entry, { shape: [28, 27, 1] })],
  ['a mean too many', (entry) => Object.assign(entry, { mean: [0.1, 0.2] })],
  ['sources without the sums of the gzip', (entry) => Reflect.deleteProperty(entry.files.testLabels, 'gzip')],
  ['a source that is no folder', (entry) => Object.assign(entry, { sources: ['https://example.org/mnist'] })],
])('refuses a catalogue with %s', (_, change) => {
  const copy = structuredClone({ mnist: json.mnist });
  expect(parseCatalog(copy)).toHaveLength(1);
  change(copy.mnist);
  expect(() => parseCatalog(copy)).toThrow();
});

it.each<[string, (entry: (typeof json)['cifar-100']) => void]>([
  ['bytes that do not fit the records', (entry) => Object.assign(entry, { labelBytes: 1 })],
  ['a file less', (entry) => Object.assign(entry.files, { test: [] })],
  ['no archive', (entry) => Reflect.deleteProperty(entry, 'archive')],
  ['a format that there is not', (entry) => Object.assign(entry, { format: 'pickle' })],
  ['grey images', (entry) => Object.assign(entry, { shape: [32, 96, 1], mean: [0.5], std: [0.5] })],
])('refuses a catalogue of CIFAR with %s', (_, change) => {
  const copy = structuredClone({ cifar: json['cifar-100'] });
  expect(parseCatalog(copy)).toHaveLength(1);
  change(copy.cifar);
  expect(() => parseCatalog(copy)).toThrow();
});
