/**
 * Several exits as plain data. The object itself describes the first exit, and the list `further` describes the later
 * ones; with one exit there is no list. Networks, device programs, checkpoints, metrics and results all have this form,
 * so the files of a network with one exit contain no lists.
 */
export type WithExits<Exit> = Exit & { readonly further?: readonly Exit[] };

/** The data of each exit, in order. There is at least one. */
export function exitsOf<Exit extends object>(data: WithExits<Exit>): readonly Exit[] {
  return [data, ...(data.further ?? [])];
}

/** The inverse of `exitsOf`. */
export function withExits<Exit extends object>([first, ...further]: readonly Exit[]): Exit & { further?: Exit[] } {
  return further.length > 0 ? { ...first, further } : { ...first };
}

/** One value per exit, as JSON files store it: a list for several exits, otherwise the value alone. */
export function oneOrList<Value>(values: readonly Value[]): Value | Value[] {
  return values.length === 1 ? values[0] : [...values];
}

/** Numbers a name by exit: `branch`, `branch2`, ... @param exit counted from 0 */
export function numbered<Name extends string>(name: Name, exit: number): Name | `${Name}${number}` {
  return exit === 0 ? name : `${name}${exit + 1}`;
}

/** The kind of a network's branches. */
export type BranchKind = 'binary branch' | 'float exit';
export const branchKind = ({ floatExits }: { readonly floatExits?: boolean }): BranchKind =>
  floatExits ? 'float exit' : 'binary branch';
