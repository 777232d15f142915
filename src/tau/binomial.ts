/**
 * The maximum number of harmful exits among n samples that still proves, with confidence 1 - δ, that the harmful share is
 * at most ε: the largest k with P(Bin(n, ε) <= k) <= δ. Equivalently, the largest k whose exact (Clopper-Pearson) upper
 * bound is <= ε.
 *
 * @returns -1 if n samples can't prove ε even without any harmful exit
 */
export function mostHarmAllowed(samples: number, epsilon: number, delta: number): number {
  // Terms of the sum as logarithms, because the first ones underflow if n ε is large.
  const logOdds = Math.log(epsilon) - Math.log1p(-epsilon);
  let logTerm = samples * Math.log1p(-epsilon);
  let tail = Math.exp(logTerm);
  let k = 0;
  while (tail <= delta && k < samples) {
    logTerm += Math.log((samples - k) / (k + 1)) + logOdds;
    tail += Math.exp(logTerm);
    k++;
  }
  return tail <= delta ? k : k - 1;
}

/** The fewest samples that can prove, with confidence 1 - δ, that a share is at most ε: if no sample counts against it. */
export const samplesToProve = (epsilon: number, delta: number): number =>
  Math.ceil(Math.log(delta) / Math.log1p(-epsilon));

/** Whether k of n samples prove, with confidence 1 - δ, that the share is above ε: P(Bin(n, ε) >= k) <= δ. */
export function provesMore(samples: number, k: number, epsilon: number, delta: number): boolean {
  const logOdds = Math.log(epsilon) - Math.log1p(-epsilon);
  let logTerm = samples * Math.log1p(-epsilon);
  let fewer = 0;
  for (let i = 0; i < k; i++) {
    fewer += Math.exp(logTerm);
    logTerm += Math.log((samples - i) / (i + 1)) + logOdds;
  }
  return fewer >= 1 - delta;
}
