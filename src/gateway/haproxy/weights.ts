/** HAProxy's largest weight. */
const MOST = 256;

/**
 * Weights in proportion to offers; nothing where nobody offers anything. 1 at least: a server of weight 0 takes nothing out of
 * HAProxy's queue when it has ended a request, and where all others were full the queue would stand still for ever.
 */
export function weightsOf(offers: Float64Array): number[] | undefined {
  const largest = offers.reduce((most, offer) => Math.max(most, offer), 0);
  if (largest === 0) return undefined;
  return Array.from(offers, (offer) => Math.max(1, Math.round((MOST * offer) / largest)));
}
