/**
 * Several exits as plain data: what belongs to the first exit stands in the object itself, what belongs to the exits
 * behind it in a list `further`, which is absent where there is one exit. Networks, device programs, checkpoints,
 * metrics and results are all of this form, so that one exit reads as if there were never more.
 */
export type WithExits<Exit> = Exit & { readonly further?: readonly Exit[] };

/** What belongs to each exit, in order; always one at least. */
export function exitsOf<Exit extends object>(data: WithExits<Exit>): readonly Exit[] {
  return [data, ...(data.further ?? [])];
}

/** The form that `exitsOf` reads. */
export function withExits<Exit extends object>([first, ...further]: readonly Exit[]): Exit & { further?: Exit[] } {
  return further.length > 0 ? { ...first, further } : { ...first };
}

/** A value for each exit as JSON has it: a list where there are several exits, else the value alone. */
export function oneOrList<Value>(values: readonly Value[]): Value | Value[] {
  return values.length === 1 ? values[0] : [...values];
}

/** The name of something that every exit has: `branch`, `branch2`, ... Exits count from 0 here. */
export function numbered<Name extends string>(name: Name, exit: number): Name | `${Name}${number}` {
  return exit === 0 ? name : `${name}${exit + 1}`;
}

/** What the branches of a network are. */
export type BranchKind = 'binary branch' | 'float exit';
export const branchKind = ({ floatExits }: { readonly floatExits?: boolean }): BranchKind =>
  floatExits ? 'float exit' : 'binary branch';
