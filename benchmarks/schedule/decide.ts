import { timeDecisions } from '../../src/report/schedule-figures/decision-times.js';

/** Decides for this many tasks again and again, and prints the decisions of each second. `speed.ts` slows it down. */
const slots = Number(process.argv[2]);
const BATCH = 100;
timeDecisions(3, slots, BATCH);
for (;;) {
  const start = performance.now();
  let decisions = 0;
  while (performance.now() - start < 1000) {
    timeDecisions(3, slots, BATCH);
    decisions += 2 * BATCH; // as many again before they are timed
  }
  console.log((performance.now() - start) / decisions);
}
