/**
 * Runs a task repeatedly, first after `ms` milliseconds and then `ms` after each run has ended.
 *
 * @param onError receives what a run throws or rejects with; the next run follows as usual.
 * @returns a function that stops the repetition.
 */
export function repeat(ms: number, task: () => unknown, onError: (thrown: unknown) => void): () => void {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const run = async (): Promise<void> => {
    try {
      await task();
    } catch (thrown) {
      onError(thrown);
    }
    if (!stopped) schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(() => void run(), ms);
  };
  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
