/**
 * Runs `work` with a signal that fires after `ms`, with the caller's `signal` or with `ended`, or when the work fails. Rejects as
 * soon as it fires, even if the work goes on.
 */
export async function within(ms, signal, work, ended) {
  const signals = [signal, ended].filter(Boolean);
  for (const each of signals) each.throwIfAborted();
  const stop = new AbortController();
  const late = () =>
    stop.abort(new DOMException(`the edge did not answer within ${Math.round(ms)} ms`, 'TimeoutError'));
  const timer = ms < 2 ** 31 && setTimeout(late, ms); // a longer time would fire at once
  const forward = ({ target }) => stop.abort(target.reason);
  for (const each of signals) each.addEventListener('abort', forward);
  const stopped = new Promise((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
  });
  try {
    // The async function turns a synchronous throw into a rejection.
    return await Promise.race([(async () => work(stop.signal))(), stopped]);
  } catch (thrown) {
    stop.abort(thrown);
    throw thrown;
  } finally {
    clearTimeout(timer);
    for (const each of signals) each.removeEventListener('abort', forward);
  }
}
