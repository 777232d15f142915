/** Reference counter: tells when the last user of a resource is done, so that it can be closed. */
export interface ReferenceCounts<Thing> {
  /** Runs work that uses a resource. */
  during<Result>(thing: Thing, work: () => Promise<Result>): Promise<Result>;
  /** Resolves when nothing uses the resource. */
  ended(thing: Thing): Promise<void>;
}

interface Count {
  users: number;
  onEnd?: () => void;
}

export function createReferenceCounts<Thing extends object>(): ReferenceCounts<Thing> {
  const counts = new WeakMap<Thing, Count>();
  const countOf = (thing: Thing): Count => {
    const count = counts.get(thing) ?? { users: 0 };
    counts.set(thing, count);
    return count;
  };
  return {
    async during(thing, work) {
      const count = countOf(thing);
      count.users++;
      try {
        return await work();
      } finally {
        if (--count.users === 0) count.onEnd?.();
      }
    },
    ended: (thing) =>
      new Promise((resolve) => {
        const count = countOf(thing);
        if (count.users === 0) resolve();
        else count.onEnd = resolve;
      }),
  };
}
