import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';

/** A trained full network that another one is distilled from. */
export interface Teacher {
  readonly network: JointNetwork;
  /** Its parameters named by `ofTeacher`, without those of its branches. */
  readonly state: NamedArrays;
}

const PREFIX = 'teacher.';

/** Names of a teacher's parameters beside a network's own: they get a prefix. */
export const ofTeacher = {
  rename: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [PREFIX + name, value])),
  /** The teacher's parameters among all of them, under their original names. */
  read: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) =>
        name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), value]] : [],
      ),
    ),
  /** All parameters except the teacher's. */
  leaveOut: <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith(PREFIX))),
};
