import { existsSync } from 'node:fs';
import { loadPolicy } from '../policy-file.js';
import type { Settings } from '../settings.js';
import { policyFile } from '../training-run.js';
import { RULES, rule } from './index.js';
import type { Policy } from './policy.js';

/** Finds a policy: the name of a rule, a policy file, or the folder of a training. @throws UserError */
export function namedPolicy(name: string, settings: Pick<Settings, 'eta' | 'servers'>): Policy {
  if (Object.hasOwn(RULES, name)) return rule(name, settings);
  const isPath = /[/\\.]/.test(name) || existsSync(name);
  if (!isPath) return rule(name, settings); // throws an error that lists the rules
  const file = existsSync(policyFile(name)) ? policyFile(name) : name;
  return loadPolicy(file, settings.servers.length);
}
