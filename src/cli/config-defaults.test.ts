import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configDefaults, type KnownFlags, requireKnownSections, withDefaults } from './config-defaults.js';

const flags: KnownFlags = {
  json: { type: 'boolean' },
  epochs: { type: 'option', char: 'e' },
  mean: { type: 'option' },
  flip: { type: 'boolean', allowNo: true },
  strict: { type: 'boolean' },
  out: { type: 'option' },
  resume: { type: 'option', exclusive: ['out'] },
  'min-accuracy': { type: 'option', multiple: true },
};
const path = '/project/lcdnn.config.json';
const file = (sections: object) => ({ path, sections }) as never;
const argumentsOf = (sections: object, ...argv: string[]) =>
  withDefaults(argv, configDefaults(file(sections), 'train', flags), flags);

describe('defaults of a config file', () => {
  it('are added as flags; the section of the command overrides "all"', () => {
    const sections = {
      all: { epochs: 1, strict: true, 'not-here': 2 },
      train: { epochs: 3, flip: false, mean: [0.5, 0.25] },
    };
    expect(argumentsOf(sections, 'x')).toEqual(['x', '--strict', '--epochs=3', '--no-flip', '--mean=0.5,0.25']);
  });

  it.each([['--epochs', '7'], ['--epochs=7'], ['-e', '7'], ['-e7']])('lose against %s', (...given) => {
    expect(argumentsOf({ train: { epochs: 3 } }, ...given)).toEqual(given);
  });

  it('are left out if a given flag excludes them', () => {
    expect(argumentsOf({ train: { out: 'runs/x' } }, '--resume', 'y')).toEqual(['--resume', 'y']);
  });

  it('with several values, paths and a "--"', () => {
    const sections = { train: { 'min-accuracy': ['both=0.9', 'full=0.8'], out: 'runs/x' } };
    expect(argumentsOf(sections, '--', 'file')).toEqual([
      '--min-accuracy=both=0.9',
      '--min-accuracy=full=0.8',
      `--out=${resolve('/project/runs/x')}`,
      '--',
      'file',
    ]);
  });

  it('refuse an unknown flag, an unknown command, and a value that is neither true nor false', () => {
    expect(() => argumentsOf({ train: { epoch: 3 } })).toThrow('found epoch; did you mean epochs?');
    expect(() => argumentsOf({ train: { strict: 'yes' } })).toThrow('expected true or false for strict, found "yes"');
    const wrong = file({ trian: {} });
    expect(() => requireKnownSections(wrong, ['train', 'data check'])).toThrow('found "trian"; did you mean "train"?');
  });
});
