/** The load of an `lcdnn serve`, summed over its models. */
export interface LoadReport {
  /** Requests that are not answered yet. */
  readonly inFlight: number;
  /** Total seconds that batches took, and total images in them, since the server started. */
  readonly batchSeconds: number;
  readonly images: number;
}

const IN_FLIGHT = 'lcdnn_requests_in_flight';
const BATCH_SECONDS = 'lcdnn_batch_seconds_sum';
const IMAGES = 'lcdnn_batch_images_sum';

/**
 * Reads a report from metrics in Prometheus's text format.
 *
 * @returns nothing if the metrics aren't those of an `lcdnn serve`
 * @throws Error that describes the problem if a number is invalid
 */
export function readReport(text: string): LoadReport | undefined {
  const sums = new Map([IN_FLIGHT, BATCH_SECONDS, IMAGES].map((name) => [name, Number.NaN]));
  for (const line of text.split('\n')) {
    const name = /^[a-z_]+(?=[{ ])/.exec(line)?.[0];
    const sum = name === undefined ? undefined : sums.get(name);
    if (sum === undefined) continue;
    const number = line.slice(line.lastIndexOf(' ') + 1);
    const value = number === '' ? Number.NaN : Number(number);
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new Error(`expected a number from 0 for ${name}, found ${number || 'none'}`);
    }
    sums.set(name!, (Number.isNaN(sum) ? 0 : sum) + value);
  }
  const inFlight = sums.get(IN_FLIGHT)!;
  if (Number.isNaN(inFlight)) return undefined;
  // The histograms are empty before the first batch.
  return { inFlight, batchSeconds: sums.get(BATCH_SECONDS) || 0, images: sums.get(IMAGES) || 0 };
}
