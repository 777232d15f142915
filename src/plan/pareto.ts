/** The Pareto-optimal items: no other is at least as good in every measure and better in one. Less is better. */
export function paretoFront<Item>(items: readonly Item[], measures: readonly ((item: Item) => number)[]): Item[] {
  const dominates = (a: Item, b: Item): boolean =>
    measures.every((measure) => measure(a) <= measure(b)) && measures.some((measure) => measure(a) < measure(b));
  return items.filter((item) => !items.some((other) => dominates(other, item)));
}
