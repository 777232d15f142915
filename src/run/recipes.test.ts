import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { networkCost } from '../network/cost.js';
import { placeLayers } from '../network/shapes.js';
import { resolveConfig } from './config.js';
import { readRecipe, recipeNames } from './recipes.js';
import { networkOf } from './run-directory.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-recipes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Images and classes of each data set that a recipe is for. */
const DATA: Readonly<Record<string, readonly [[number, number, number], number]>> = {
  mnist: [[28, 28, 1], 10],
  'fashion-mnist': [[28, 28, 1], 10],
  'cifar-10': [[32, 32, 3], 10],
  'cifar-100': [[32, 32, 3], 100],
  imagenet: [[224, 224, 3], 150],
  folder: [[224, 224, 3], 5],
};

describe.each(recipeNames())('recipe %s', (name) => {
  const { description, options } = readRecipe(name);
  const config = resolveConfig(options);

  it('resolves, says what it is for, and builds its network', () => {
    expect(description).toMatch(/\S\.$/);
    const [input, classes] = DATA[config.dataset];
    expect(() => placeLayers(networkOf(config, input, classes))).not.toThrow();
  });

  it.skipIf(name === 'photos')('is named after its network and data', () => {
    const data = config.dataset.replace('cifar-', 'cifar');
    expect(name.replace(/-(paper|stages)$/, '')).toBe(`${config.network}-${data}`);
  });
});

// Table 1: B_size is the most that a branch may be, in float32 already. AlexNet's last layer for 100 classes is too large so.
test.each([
  ['lenet-mnist', 103e3],
  ['lenet-fashion-mnist', 102e3],
  ['alexnet-cifar10', 3.3e6],
  ['resnet18-cifar10', 1.6e6],
  ['resnet18-cifar100', 1.7e6],
  ['vgg16-cifar10', 2e6],
  ['vgg16-cifar100', 2.2e6],
])('the branch of %s has at most %d bytes', (name, most) => {
  const config = resolveConfig(readRecipe(name).options);
  expect(networkCost(networkOf(config, ...DATA[config.dataset])).device.bytes).toBeLessThanOrEqual(most);
});

test('every row of Table 1 has a recipe', () => {
  const rows = ['lenet-mnist', 'lenet-fashion-mnist'].concat(
    ['alexnet', 'resnet18', 'vgg16'].flatMap((network) =>
      ['cifar10', 'cifar100', 'imagenet'].map((d) => `${network}-${d}`),
    ),
  );
  expect(recipeNames()).toEqual(expect.arrayContaining(rows));
});

describe('a recipe', () => {
  it('stands between the defaults and what is given', () => {
    const { options } = readRecipe('lenet-mnist');
    const config = resolveConfig(options, { lr: 0.5 });
    expect([config.lr, config.shift, config.weightDecay]).toEqual([0.5, 2, 0]);
  });

  it('may be a file', () => {
    const path = join(folder, 'own.json');
    writeFileSync(path, '{ "description": "Own.", "lr": 0.25 }');
    expect(readRecipe(path)).toEqual({ name: path, description: 'Own.', options: { lr: 0.25 } });
  });

  it.each([
    ['{ "lr": -1 }', /lr: expected a number above 0, found -1/],
    ['{ "rate": 1 }', /no option is called rate/],
    ['{ "description": 1 }', /description: expected text, found 1/],
    ['[]', /expected an object of options/],
    ['{', /expected a recipe, found text that isn't JSON/],
  ])('that reads %s is refused, by name', (text, message) => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, text);
    expect(() => readRecipe(path)).toThrow(message);
    expect(() => readRecipe(path)).toThrow(path);
  });

  it('of an unknown name is refused with the closest one', () => {
    expect(() => readRecipe('resnet18-cifar')).toThrow('no recipe is called "resnet18-cifar"; did you mean');
    expect(() => readRecipe('zzz')).toThrow('"lcdnn recipes" lists them');
  });
});
