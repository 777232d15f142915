import { UserError } from '../../base/errors.js';
import { suggestName as nearName } from '../../base/suggest-name.js';
import type { Settings } from '../settings.js';
import { alwaysHigh } from './always-high.js';
import { average } from './average.js';
import { closest } from './closest.js';
import { fastest } from './fastest.js';
import { leastLoaded } from './least-loaded.js';
import type { Policy } from './policy.js';
import { powerOfTwo } from './power-of-two.js';
import { prequal } from './prequal.js';
import { randomly } from './random.js';
import { roundRobin } from './round-robin.js';

/** Policies that need no training, by name. The command line lists its choices from here. */
export const RULES: Readonly<Record<string, (settings: Pick<Settings, 'eta'>) => Policy>> = {
  average: () => average,
  closest: () => closest,
  random: () => randomly,
  'round-robin': roundRobin,
  'always-high': ({ eta }) => alwaysHigh(eta),
  'least-loaded': () => leastLoaded,
  'power-of-two': () => powerOfTwo,
  fastest: () => fastest,
  prequal: () => prequal,
};

export const ruleNames = Object.keys(RULES);

/** The rule of that name. @throws UserError */
export function rule(name: string, settings: Pick<Settings, 'eta'>): Policy {
  if (Object.hasOwn(RULES, name)) return RULES[name](settings);
  const near = nearName(name, ruleNames);
  throw new UserError(
    `no policy is called ${name}; ${near ? `did you mean ${near}? ` : ''}expected a policy file or one of: ${ruleNames.join(', ')}`,
  );
}
