import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';

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
