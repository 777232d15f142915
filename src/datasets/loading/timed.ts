/**
 * Passes items on, and adds up the time spent waiting for them.
 *
 * @param waited total so far in milliseconds, updated with each item
 */
export async function* timed<Item>(items: AsyncIterable<Item>, waited: { ms: number }): AsyncGenerator<Item> {
  let since = performance.now();
  for await (const item of items) {
    waited.ms += performance.now() - since;
    yield item;
    since = performance.now();
  }
}
