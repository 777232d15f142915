/** Fewer images of a class tell nothing about it. */
const FEWEST_IMAGES = 3;
/** Share of the images that the other order must explain, and how much more than the given order. */
const LEAST_EXPLAINED = 0.5;
const LEAST_GAIN = 0.3;

/**
 * Finds out whether a network numbers its classes in another order than the data: most images of each class are then
 * answered with one other class, a different one for each.
 *
 * @param answers class numbers that the network answered, one per image
 * @param labels class numbers of the data
 * @returns for every class of the data the network's number, or undefined if the numbers agree or nothing is clear
 */
export function otherClassOrder(
  answers: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number[] | undefined {
  const counts = new Map<number, Map<number, number>>();
  let right = 0;
  for (let i = 0; i < labels.length; i++) {
    const ofClass = counts.get(labels[i]) ?? new Map<number, number>();
    counts.set(labels[i], ofClass.set(answers[i], (ofClass.get(answers[i]) ?? 0) + 1));
    if (answers[i] === labels[i]) right++;
  }
  let explained = 0;
  const order = Array.from({ length: classes }, (_, label) => {
    const sorted = [...(counts.get(label) ?? [])].sort(([, a], [, b]) => b - a);
    const images = sorted.reduce((sum, [, count]) => sum + count, 0);
    if (images < FEWEST_IMAGES) return undefined;
    explained += sorted[0][1];
    return sorted[0][0];
  });
  const complete = order.filter((number) => number !== undefined);
  const isOneToOne = complete.length === classes && new Set(complete).size === classes;
  const [other, given] = [explained / labels.length, right / labels.length];
  return isOneToOne && other >= LEAST_EXPLAINED && other - given >= LEAST_GAIN ? complete : undefined;
}
