/** HAProxy's largest weight. */
const MOST = 256;

/** Weights in proportion to offers; nothing where nobody offers anything. Who offers something has 1 at least. */
export function weightsOf(offers: Float64Array): number[] | undefined {
  const largest = offers.reduce((most, offer) => Math.max(most, offer), 0);
  if (largest === 0) return undefined;
  return Array.from(offers, (offer) => (offer > 0 ? Math.max(1, Math.round((MOST * offer) / largest)) : 0));
}
