import { UserError } from '../base/errors.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import type { Config } from '../run/config.js';
import { openRun, readKeptCheckpoint } from '../run/run-directory.js';
import { ofTeacher, type Teacher } from './teacher.js';

/**
 * Reads the teacher that a config names.
 *
 * @throws UserError if it isn't a trained run, or its images or classes differ from this network's
 */
export function readTeacher({ teacher: path }: Pick<Config, 'teacher'>, network: JointNetwork): Teacher | undefined {
  if (path === undefined) return undefined;
  const run = openRun(path);
  const [ours, theirs] = [network, run.network].map(({ input, classes }) => `${input.join('x')}, ${classes} classes`);
  if (ours !== theirs) throw new UserError(`teacher ${path}: expected a network for ${ours}, found one for ${theirs}`);
  const state = readKeptCheckpoint(run).state;
  const trunk = Object.entries(state).filter(([name]) => !isBranch(name) && !name.startsWith('optimizer.'));
  return { network: run.network, state: ofTeacher.rename(Object.fromEntries(trunk)) };
}
