import { UserError } from '../base/errors.js';

/** The temperatures at which an entropy may be computed. */
const TEMPERATURES = { least: 0.01, most: 100 };

/** @throws UserError if entropies can't be computed at this temperature */
export function checkEntropyTemperature(temperature: number): void {
  const { least, most } = TEMPERATURES;
  if (temperature >= least && temperature <= most) return;
  throw new UserError(`entropy temperature: expected a number from ${least} to ${most}, found ${temperature}`);
}

/**
 * Normalised entropy of softmax(logits) for each row of [n, classes] (Eq. 7): S = -Σ p ln p / ln classes, in [0, 1].
 *
 * With z = logit - largest logit and r = Σ exp(z) over the other classes, S ln classes = ln(1 + r) + Σ -z exp(z) / (1 + r):
 * every term is >= 0, so nothing cancels, and saturated logits give 0 rather than 0 * -∞.
 *
 * @param temperature divides the logits first. Below 1, the entropy depends more on the two likeliest classes and less on how
 *   the rest is shared out among the others.
 * @returns n values in [0, 1], double precision.
 * @throws UserError if a logit isn't finite, the length isn't a multiple of `classes`, or the temperature is out of range
 */
export function entropies(logits: Float32Array, classes: number, temperature = 1): Float64Array {
  checkEntropyTemperature(temperature);
  if (!Number.isInteger(classes) || classes < 2) {
    throw new UserError(`logits: expected at least 2 classes, found ${classes}`);
  }
  if (logits.length % classes !== 0) {
    throw new UserError(
      `logits: expected a multiple of ${classes} values (one row per sample), found ${logits.length}`,
    );
  }
  const result = new Float64Array(logits.length / classes);
  for (let sample = 0; sample < result.length; sample++) {
    result[sample] = rowEntropy(logits, sample * classes, classes, temperature);
  }
  return result;
}

function rowEntropy(logits: Float32Array, row: number, classes: number, temperature: number): number {
  let largest = row;
  for (let i = row; i < row + classes; i++) {
    if (!Number.isFinite(logits[i])) {
      throw new UserError(
        `logits: expected finite values, found ${logits[i]} for sample ${row / classes}; the network has diverged, train it again with a lower learning rate`,
      );
    }
    if (logits[i] > logits[largest]) largest = i;
  }
  let rest = 0;
  let weighted = 0;
  for (let i = row; i < row + classes; i++) {
    if (i === largest) continue;
    const z = (logits[i] - logits[largest]) / temperature;
    const exp = Math.exp(z);
    rest += exp;
    weighted -= z * exp;
  }
  return Math.min(1, (Math.log1p(rest) + weighted / (1 + rest)) / Math.log(classes));
}
