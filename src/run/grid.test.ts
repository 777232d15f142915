import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openVariant, readGrid } from './grid.js';
import { createRun, networkOf } from './run-directory.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-grid-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, 'grid.json');

function gridOf(content: unknown, overrides?: Parameters<typeof readGrid>[1]) {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readGrid(path, overrides);
}

describe('a grid', () => {
  it('gives the base first, then each variant over it', () => {
    const grid = gridOf({
      base: { lr: 0.01, epochs: 3 },
      variants: { 'lr-0.1': { lr: 0.1 }, flip: { flip: true } },
    });
    expect(grid.map(({ name, changes }) => [name, changes])).toEqual([
      ['base', {}],
      ['lr-0.1', { lr: 0.1 }],
      ['flip', { flip: true }],
    ]);
    expect(grid.map(({ config }) => [config.lr, config.branchLr, config.epochs, config.flip])).toEqual([
      [0.01, 0.01, 3, false],
      [0.1, 0.1, 3, false], // branchLr follows lr
      [0.01, 0.01, 3, true],
    ]);
    expect(grid[2].given).toEqual({ lr: 0.01, epochs: 3, flip: true });
  });

  it('takes what the user says before the base, and the variant before both', () => {
    const grid = gridOf(
      { base: { seed: 5, epochs: 3 }, variants: { 'seed-8': { seed: 8 }, flip: { flip: true } } },
      { seed: 7, epochs: undefined },
    );
    expect(grid.map(({ config }) => [config.seed, config.epochs])).toEqual([
      [7, 3],
      [8, 3],
      [7, 3],
    ]);
  });

  it.each<[string, unknown, RegExp]>([
    ['text that is no JSON', '{', /expected a grid file: .*, found text that isn't JSON/],
    ['no object', '[]', /grid\.json: expected a grid file: \{ "base": \{ options \}, "variants": .* found /],
    ['no variants', { base: {} }, /expected a grid file: \{ "base": .* found /],
    ['another field', { basis: {}, variants: {} }, /expected a grid file: \{ "base": .* found /],
    ['empty variants', { variants: {} }, /expected at least one variant, found none/],
    ['an unknown option', { variants: { x: { rate: 1 } } }, /grid\.json, variant x: no option is called rate/],
    [
      'an unknown option of the base',
      { base: { rate: 1 }, variants: {} },
      /grid\.json, base: no option is called rate/,
    ],
    ['a wrong value', { variants: { x: { lr: 'fast' } } }, /variant x: lr: expected a number, found "fast"/],
    ['a variant that is no object', { variants: { x: 7 } }, /variant x: expected an object of options, found 7/],
    ['a base that is null', { base: null, variants: {} }, /base: expected an object of options, found null/],
    ['another data set', { variants: { x: { dataset: 'mnist' } } }, /variant x: .* found dataset; give it in the base/],
    ['other classes', { variants: { x: { classes: 5 } } }, /variant x: .* found classes; give it in the base/],
    ['no change', { base: { lr: 0.1 }, variants: { x: { lr: 0.1 } } }, /variant x: expected an option that differs/],
    ['a second base', { variants: { base: { lr: 0.1 } } }, /expected another name for variant base/],
  ])('is refused with %s', (_, content, fault) => {
    expect(() => gridOf(content)).toThrow(expect.objectContaining({ name: 'UserError' }));
    expect(() => gridOf(content)).toThrow(fault);
  });

  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    'A',
    'a b',
    '-a',
    'a.',
    'é',
    'a'.repeat(33),
  ])('is refused with a variant named %j', (name) => {
    expect(() => gridOf({ variants: { [name]: { lr: 0.1 } } })).toThrow(/expected variants named by up to 32 .* found/);
  });
});

describe('a grid whose base trains in stages', () => {
  const base = {
    distillation: 1,
    stages: [
      { trains: 'full', epochs: 3, cutout: 8 },
      { trains: 'full', epochs: 1 },
      { trains: 'branch', epochs: 2, lr: 0.01 },
    ],
  };

  it('changes the stages that train what the variant names', () => {
    const variants = {
      plain: { stages: { full: { cutout: 0, epochs: 2 } } },
      both: { flip: true, stages: { full: { mixup: 0.2 }, branch: { lr: 0.1 } } },
      other: { stages: [{ trains: 'both', epochs: 4 }] },
    };
    const [, plain, both, other] = gridOf({ base, variants });
    expect(plain.config.stages).toEqual([
      { trains: 'full', epochs: 2, cutout: 0 },
      { trains: 'full', epochs: 2, cutout: 0 },
      base.stages[2],
    ]);
    expect(plain.config.epochs).toBe(6);
    expect([plain.changes, plain.given.stages]).toEqual([variants.plain, plain.config.stages]);
    expect(both.config).toMatchObject({ flip: true, distillation: 1 });
    expect(both.config.stages?.map(({ mixup, lr }) => [mixup, lr])).toEqual([
      [0.2, undefined],
      [0.2, undefined],
      [undefined, 0.1],
    ]);
    expect([other.config.stages, other.config.epochs]).toEqual([variants.other.stages, 4]);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'an option that a stage sets',
      { lr: 0.1 },
      /variant x: lr: .* a stage of the base sets it; change it there: "stages": \{ "branch": \{ "lr": \.\.\. \} \}/,
    ],
    ['a stage that is not there', { stages: { both: { lr: 1 } } }, /trains both, found full, full, branch/],
    ['an unknown part', { stages: { tail: { lr: 1 } } }, /variant x: expected stages: a list of stages, or .* found/],
    ['an unknown option', { stages: { full: { rate: 1 } } }, /variant x: stages: 0: no option is called rate/],
    ['no change', { stages: { branch: { lr: 0.01 } } }, /variant x: expected an option that differs/],
  ])('is refused with %s', (_, variant, fault) => {
    expect(() => gridOf({ base, variants: { x: variant } })).toThrow(fault);
  });

  it('refuses to change the stages of a base without stages', () => {
    expect(() => gridOf({ variants: { x: { stages: { full: { lr: 1 } } } } })).toThrow(
      /variant x: stages: expected a base with a stage that trains full, found no stages/,
    );
  });

  it('refuses to continue a run that was trained in other stages', () => {
    const at = join(folder, 'staged');
    const [first, longer] = gridOf({ base, variants: { longer: { stages: { branch: { epochs: 3 } } } } });
    createRun(at, first.config, networkOf(first.config, [28, 28, 1], 10));
    expect(openVariant(at, first)?.config).toEqual(first.config);
    expect(() => openVariant(at, longer)).toThrow(/holds a run with epochs 6, the grid asks for 7 in longer/);
    const [, slower] = gridOf({ base, variants: { slower: { stages: { branch: { lr: 0.001 } } } } });
    expect(() => openVariant(at, slower)).toThrow(
      /run with stages 1\. full: .*3\. branch: epochs 2, lr 0\.01, the grid asks for .*lr 0\.001 in slower/,
    );
  });
});

describe('the run of a variant', () => {
  const [, variant] = gridOf({ variants: { flip: { flip: true } } });
  const at = join(folder, 'flip');

  it('is there once it was begun, and only with the same options', () => {
    expect(openVariant(at, variant)).toBeUndefined();
    createRun(at, variant.config, networkOf(variant.config, [28, 28, 1], 10));
    expect(openVariant(at, variant)?.config).toEqual(variant.config);
    const [, changed] = gridOf({ base: { lr: 0.5 }, variants: { flip: { flip: true } } });
    expect(() => openVariant(at, changed)).toThrow(
      /flip: holds a run with lr 0\.002, the grid asks for 0\.5 in flip; choose another --out/,
    );
  });

  it('may have its data elsewhere by now', () => {
    expect(openVariant(at, { ...variant, config: { ...variant.config, dataDir: '/elsewhere' } })).toBeDefined();
  });
});

describe('the grids of recipes/grids', () => {
  const grids = fileURLToPath(new URL('../../recipes/grids/', import.meta.url));
  const images = { mnist: [28, 28, 1], 'fashion-mnist': [28, 28, 1], 'cifar-10': [32, 32, 3] } as const;
  it.each(readdirSync(grids).filter((name) => name.endsWith('.json')))('%s can be trained', (name) => {
    const variants = readGrid(join(grids, name));
    for (const { config } of variants) networkOf(config, images[config.dataset as keyof typeof images], 10);
    // JSON keeps the last of two equal names, silently.
    const names = [...readFileSync(join(grids, name), 'utf8').matchAll(/^ {4}"([^"]+)": \{/gm)];
    expect(names).toHaveLength(variants.length - 1);
  });
});
