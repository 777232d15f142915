import type { Config } from '../run/config.js';

/** Factor of the initial learning rate at a point of training, `done` in [0, 1). */
const SCHEDULES: Readonly<Record<Config['schedule'], (done: number) => number>> = {
  constant: () => 1,
  /** A tenth after half of training, a hundredth after three quarters. */
  step: (done) => (done < 0.5 ? 1 : done < 0.75 ? 0.1 : 0.01),
  /** Half a cosine wave down to 0 (Loshchilov and Hutter 2017). */
  cosine: (done) => 0.5 * (1 + Math.cos(Math.PI * done)),
  /** A straight line down to 0. */
  linear: (done) => 1 - done,
};

/**
 * Learning-rate factor of step `step` (from 0) out of `steps`.
 *
 * @param warmup share of the steps in which it rises linearly to 1 (Goyal et al. 2017), before the schedule begins
 */
export function rateFactor(schedule: Config['schedule'], step: number, steps: number, warmup = 0): number {
  const rising = Math.round(warmup * steps);
  return step < rising ? (step + 1) / rising : SCHEDULES[schedule]((step - rising) / (steps - rising));
}
