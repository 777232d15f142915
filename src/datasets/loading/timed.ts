/**
 * Passes items on, and adds up the time that was spent waiting for them.
 *
 * @param waited in milliseconds, raised as they come
 */
export async function* timed<Item>(items: AsyncIterable<Item>, waited: { ms: number }): AsyncGenerator<Item> {
  let since = performance.now();
  for await (const item of items) {
    waited.ms += performance.now() - since;
    yield item;
    since = performance.now();
  }
}
