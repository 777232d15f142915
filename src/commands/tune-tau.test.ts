import { expect, it } from 'vitest';
import { dataFlags } from '../cli/data-flags.js';
import { tuneOptions } from '../cli/tune-options.js';
import TuneTau from './tune-tau.js';

/** Flags that don't choose how a threshold is searched on validation images. */
const OTHERS = [...Object.keys(dataFlags), 'from-server', 'model', 'token-file', 'apply'];

it('every flag of the search is an option of it, here and in the pipeline', () => {
  const names = Object.keys(TuneTau.flags).filter((name) => !OTHERS.includes(name));
  const given = Object.fromEntries(names.map((name) => [name, `given ${name}`]));
  expect(Object.values(tuneOptions(given)).sort()).toEqual(Object.values(given).sort());
});
