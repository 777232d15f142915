import { UserError } from '../../base/errors.js';

/** What a step costs, each in a measure of about 1 at worst. */
export interface StepCosts {
  /** Variance of the utilisation over the servers that are up (Eq. 10, S_t²). */
  variance: number;
  /** Latencies of the tasks that began in this step, in steps, per task that the servers could begin. */
  latency: number;
  /** The same of tasks that end after the deadline: a count. */
  late: number;
  /** Power against that of all servers with all places taken. */
  energy: number;
  /** Price of tasks that went to the cloud, per task that the servers could begin. */
  cloud: number;
}

/** Weights of the costs in the reward; a cost that is not named counts nothing. */
export type Objective = Partial<Record<keyof StepCosts, number>>;

/** The paper's, with the square that its print leaves out: r_t = -S_t². */
export const VARIANCE: Objective = { variance: 1 };

export const COST_NAMES = ['variance', 'latency', 'late', 'energy', 'cloud'] as const;

/** r_t: the weighted costs of a step, negated. */
export function rewardOf(costs: StepCosts, objective: Objective): number {
  let reward = 0;
  for (const name of COST_NAMES) reward -= (objective[name] ?? 0) * costs[name];
  return reward;
}

/** Reads `variance` or `latency=1,cloud=0.5`. @throws UserError */
export function parseObjective(text: string): Objective {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [name, weight = '1'] = part.split('=').map((word) => word.trim());
      const value = Number(weight);
      if ((COST_NAMES as readonly string[]).includes(name) && weight !== '' && value > 0 && Number.isFinite(value)) {
        return [name, value];
      }
      throw new UserError(
        `objective ${text}: expected NAME or NAME=WEIGHT with a weight above 0 and names of ${COST_NAMES.join(', ')}, found ${part}`,
      );
    }),
  );
}

/** Eq. 10 on utilisations g_i/c_i, over the servers that are up; 0 for less than two. */
export function utilisationVariance(running: Int32Array, capacity: Float64Array, up: Uint8Array): number {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < running.length; i++) {
    if (!up[i]) continue;
    const utilisation = running[i] / capacity[i];
    count++;
    sum += utilisation;
    squares += utilisation * utilisation;
  }
  return count < 2 ? 0 : Math.max(0, (squares - (sum * sum) / count) / (count - 1));
}
