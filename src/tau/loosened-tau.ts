/** Accuracy and exit ratio at a threshold, as `tune-tau` measured them. Shares in [0, 1]. */
export interface CurvePoint {
  readonly tau: number;
  readonly accuracy: number;
  readonly exitRatio: number;
}

/**
 * The threshold above `tau` with the most early exits whose accuracy is at least the floor; `tau` itself if there is none.
 *
 * @param curve measured on validation images
 */
export function loosenedTau(curve: readonly CurvePoint[], tau: number, accuracyFloor: number): number {
  const allowed = curve.filter((point) => point.tau > tau && point.accuracy >= accuracyFloor);
  return allowed.reduce((most, point) => (point.exitRatio > most.exitRatio ? point : most), { tau, exitRatio: 0 }).tau;
}
