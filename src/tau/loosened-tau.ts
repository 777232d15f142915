/** Accuracy and exit ratio at a threshold, as `tune-tau` measured them. Shares in [0, 1]. */
export interface CurvePoint {
  readonly tau: number;
  readonly accuracy: number;
  readonly exitRatio: number;
}

/**
 * The threshold with the most exits of those above `tau` that keep a floor of accuracy; `tau` itself where none does.
 *
 * @param curve measured on validation images
 */
export function loosenedTau(curve: readonly CurvePoint[], tau: number, accuracyFloor: number): number {
  const allowed = curve.filter((point) => point.tau > tau && point.accuracy >= accuracyFloor);
  return allowed.reduce((most, point) => (point.exitRatio > most.exitRatio ? point : most), { tau, exitRatio: 0 }).tau;
}
