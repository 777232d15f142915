/**
 * Energy of each row of logits [n, classes]: their logsumexp, the free energy of Liu et al. 2020 (arXiv 2010.03759) with
 * its sign changed. Larger for images like those that were trained on.
 */
export function energies(logits: Float32Array, classes: number): Float64Array {
  return eachRow(logits, classes, (row) => {
    const largest = Math.max(...row);
    return largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  });
}

/** Difference between the two largest logits of each row. */
export function margins(logits: Float32Array, classes: number): Float64Array {
  return eachRow(logits, classes, (row) => {
    const [first, second] = [...row].sort((a, b) => b - a);
    return first - second;
  });
}

function eachRow(logits: Float32Array, classes: number, score: (row: Float32Array) => number): Float64Array {
  return Float64Array.from({ length: logits.length / classes }, (_, i) =>
    score(logits.subarray(i * classes, (i + 1) * classes)),
  );
}

/**
 * Area under the ROC curve: the probability that a known sample has a higher score than an unknown one; equal scores
 * count half. 0.5 is chance. O(n log n).
 *
 * @returns null if one of the groups is empty
 */
export function areaUnderRoc(known: ArrayLike<number>, unknown: ArrayLike<number>): number | null {
  if (known.length === 0 || unknown.length === 0) return null;
  const others = Float64Array.from(unknown).sort();
  const below = (value: number, orEqual: boolean): number => {
    let [low, high] = [0, others.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (orEqual ? others[middle] <= value : others[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let pairs = 0;
  for (const value of Array.from(known)) pairs += (below(value, false) + below(value, true)) / 2;
  return pairs / (known.length * unknown.length);
}

/** Share of unknown samples whose score is at least the threshold that a share `kept` of the known samples reaches. */
export function unknownKept(known: ArrayLike<number>, unknown: ArrayLike<number>, kept: number): number | null {
  if (known.length === 0 || unknown.length === 0) return null;
  const ascending = Float64Array.from(known).sort();
  const threshold = ascending[Math.floor((1 - kept) * ascending.length)];
  return Array.from(unknown).filter((score) => score >= threshold).length / unknown.length;
}
