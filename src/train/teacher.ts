import { UserError } from '../base/errors.js';
import type { NamedArrays } from '../base/tensors.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import type { Config } from '../run/config.js';
import { openRun, readRunCheckpoint } from '../run/run-directory.js';

/** A trained full network that another one is distilled from. */
export interface Teacher {
  readonly network: JointNetwork;
  /** Its parameters without its branches', named by `ofTeacher`. */
  readonly state: NamedArrays;
}

const PREFIX = 'teacher.';

/** A teacher's parameters beside a network's own: each under its name with a prefix. */
export const ofTeacher = {
  rename: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [PREFIX + name, value])),
  /** The teacher's among all of them, under the names of its own network. */
  read: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) =>
        name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), value]] : [],
      ),
    ),
  /** All but the teacher's. */
  leaveOut: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith(PREFIX))),
};

/**
 * The teacher that a config names.
 *
 * @throws UserError where it is no trained run, or its images or classes are not this network's
 */
export function readTeacher({ teacher: path }: Pick<Config, 'teacher'>, network: JointNetwork): Teacher | undefined {
  if (path === undefined) return undefined;
  const run = openRun(path);
  const [ours, theirs] = [network, run.network].map(({ input, classes }) => `${input.join('x')}, ${classes} classes`);
  if (ours !== theirs) throw new UserError(`teacher ${path}: expected a network for ${ours}, found one for ${theirs}`);
  const state = readRunCheckpoint(run).state;
  const trunk = Object.entries(state).filter(([name]) => !isBranch(name) && !name.startsWith('optimizer.'));
  return { network: run.network, state: ofTeacher.rename(Object.fromEntries(trunk)) };
}
