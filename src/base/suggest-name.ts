/** The name that the user most likely meant by `word`: the closest one, if at most a third of its letters differ. */
export function suggestName(word: string, names: readonly string[]): string | undefined {
  const near = names.map((name) => ({ name, edits: editDistance(word.toLowerCase(), name) }));
  near.sort((a, b) => a.edits - b.edits);
  return near[0] && near[0].edits <= Math.ceil(near[0].name.length / 3) ? near[0].name : undefined;
}

/** Number of insertions, deletions and substitutions that turn a into b (Levenshtein distance). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
