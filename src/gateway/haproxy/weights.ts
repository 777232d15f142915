/** HAProxy's largest weight. */
const MOST = 256;

/**
 * Weights in proportion to the offers; undefined if there are no offers. Each weight is at least 1, because a server with
 * weight 0 takes nothing from HAProxy's queue when it finishes a request. With all others full, the queue would be stuck.
 */
export function weightsOf(offers: Float64Array): number[] | undefined {
  const largest = offers.reduce((most, offer) => Math.max(most, offer), 0);
  if (largest === 0) return undefined;
  return Array.from(offers, (offer) => Math.max(1, Math.round((MOST * offer) / largest)));
}
