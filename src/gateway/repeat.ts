/** Does a task again and again, `ms` after it was done, the first time after `ms`. Gives what ends it. */
export function repeat(ms: number, task: () => Promise<unknown> | unknown): () => void {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const next = (): void => {
    timer = setTimeout(async () => {
      await task();
      if (!stopped) next();
    }, ms);
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
