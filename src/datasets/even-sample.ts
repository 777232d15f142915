/** At most `most` of these, the first among them and the others evenly behind it. */
export function evenly<Item>(items: readonly Item[], most: number): Item[] {
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** The places of each class, ascending: folders are sorted by class, so the first images of a split are of one. */
export function placesByClass(labels: Uint16Array, classes: number): number[][] {
  const places = Array.from({ length: classes }, (): number[] => []);
  for (const [place, label] of labels.entries()) places[label].push(place);
  return places;
}
