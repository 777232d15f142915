import { duration } from '../base/format.js';
import type { IterationReport } from '../scheduling/learning/train.js';
import type { TrainedPolicy } from '../scheduling/policy-file.js';

/** Callbacks that show the training of a policy. */
export interface ScheduleDisplay {
  onStart(folder: string, trained: TrainedPolicy): void;
  onIteration(report: IterationReport): void;
}

/** Iterations that one line summarises. */
const LINE_EVERY = 50;

/** Shows the training of a policy on stderr, one line per 50 iterations. @param silent shows nothing */
export function createScheduleDisplay(silent: boolean): ScheduleDisplay {
  const print = (line: string): void => void (silent || process.stderr.write(`${line}\n`));
  let iterations = 0;
  let began = 0;
  let first = 0;
  let recent: IterationReport[] = [];
  return {
    onStart(folder, { plan, settings, state }) {
      iterations = plan.iterations;
      first = state.iteration;
      began = performance.now();
      print(
        `${plan.method} for ${settings.servers.length} servers, ${iterations} iterations, seed ${plan.seed} -> ${folder}`,
      );
      if (first > 0) print(`resumed at iteration ${first + 1}`);
    },
    onIteration(report) {
      recent.push(report);
      if (report.iteration % LINE_EVERY !== 0 && report.iteration !== iterations) return;
      const mean = (of: 'variance' | 'reward'): number =>
        recent.reduce((sum, { [of]: value }) => sum + value, 0) / recent.length;
      const seconds = (performance.now() - began) / 1000;
      const left = (seconds / (report.iteration - first)) * (iterations - report.iteration);
      print(
        `iteration ${String(report.iteration).padStart(String(iterations).length)}/${iterations}  ` +
          `variance ${mean('variance').toExponential(2)}  reward ${mean('reward').toPrecision(4)}  ${duration(left)} left`,
      );
      recent = [];
    },
  };
}
