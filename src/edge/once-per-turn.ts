/**
 * Shares a result between all callers of an event loop turn. It is made after the last of them has called, so it is never
 * older than a call. However many requests arrive at once, the work is done once.
 */
export function oncePerTurn<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let next: Promise<Result> | undefined;
  return () => {
    next ??= new Promise((resolve) => {
      setImmediate(() => {
        next = undefined;
        resolve(make());
      });
    });
    return next;
  };
}
