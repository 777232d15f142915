import { readdirSync, readFileSync } from 'node:fs';

/** What a process and all its descendants use. */
export interface Usage {
  /** Memory; what several processes share is counted once. */
  readonly bytes: number;
  /** Names of all threads. The kernel keeps 15 characters of each. */
  readonly threads: readonly string[];
}

/** Reads it from /proc. Processes that end meanwhile are left out. */
export function usageOfTree(root: number): Usage {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`)) ?? [];
    if (parent) children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(pid)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  let kilobytes = 0;
  const threads: string[] = [];
  for (const pid of tree) {
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
    for (const thread of list(`/proc/${pid}/task`)) threads.push(read(`/proc/${pid}/task/${thread}/comm`).trim());
  }
  return { bytes: 1024 * kilobytes, threads };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
