/**
 * Runs `work` with a signal that fires after `ms`, with the caller's signal, or when the work fails. Rejects as soon as it fires,
 * even if the work goes on.
 *
 * @param pending set that contains the signal's controller while the work goes on
 */
export async function within(ms, signal, work, pending) {
  signal?.throwIfAborted();
  const stop = new AbortController();
  pending?.add(stop);
  const late = () =>
    stop.abort(new DOMException(`the edge did not answer within ${Math.round(ms)} ms`, 'TimeoutError'));
  const timer = ms < 2 ** 31 && setTimeout(late, ms); // a longer time would fire at once
  const forward = () => stop.abort(signal.reason);
  signal?.addEventListener('abort', forward);
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
    signal?.removeEventListener('abort', forward);
    pending?.delete(stop);
  }
}
