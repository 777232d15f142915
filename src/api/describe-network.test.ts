import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { resolveConfig } from '../run/config.js';
import { createRun, networkOf } from '../run/run-directory.js';
import { describeNetwork } from './describe-network.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-describe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recipe = { network: 'lenet', dataset: 'mnist', width: 0.5, stages: [{ trains: 'full' }, { trains: 'branch' }] };

it('a recipe is known by its name or its file', () => {
  const named = describeNetwork('lenet-mnist');
  expect([named.recipe, named.network.name]).toEqual(['lenet-mnist', 'lenet']);
  const file = join(folder, 'mine.json');
  writeFileSync(file, JSON.stringify(recipe));
  const described = describeNetwork(file, { options: { attach: 'conv2' } });
  expect(described).toMatchObject({
    recipe: file,
    given: { attach: 'conv2' },
    config: { width: 0.5, attach: 'conv2' },
  });
});

it('a run is repeated by its options, or by its config if it has stages', () => {
  const plain = resolveConfig({ dataset: 'mnist', flip: true });
  const staged = resolveConfig(recipe as never);
  for (const [name, config] of Object.entries({ plain, staged })) {
    createRun(join(folder, name), config, networkOf(config, [28, 28, 1], 10));
  }
  const options = { attach: 'conv2' };
  expect(describeNetwork(join(folder, 'plain'), { options })).toMatchObject({ given: { flip: true, attach: 'conv2' } });
  expect(describeNetwork(join(folder, 'plain')).recipe).toBeUndefined();
  const { given, recipe: config } = describeNetwork(join(folder, 'staged'), { options });
  expect([given, config]).toEqual([options, join(folder, 'staged', 'config.json')]);
});
