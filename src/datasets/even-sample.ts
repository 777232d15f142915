/** At most `most` of these: the first one, and others at even distances after it. */
export function evenSample<Item>(items: readonly Item[], most: number): Item[] {
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/**
 * The indices of each class, ascending. Folders are sorted by class, so the first images of a split all have the same
 * class.
 */
export function indicesByClass(labels: Uint16Array, classes: number): number[][] {
  const indices = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) indices[label].push(index);
  return indices;
}
