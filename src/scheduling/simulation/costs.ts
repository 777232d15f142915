import { UserError } from '../../base/errors.js';

/** Costs of a step. Each is scaled to be about 1 at worst. */
export interface StepCosts {
  /** Variance of the utilisation over the servers that are up (Eq. 10, S_t²). */
  variance: number;
  /** Summed latency, in steps, of the tasks that started in this step, per task that the servers could start. */
  latency: number;
  /** Number of tasks started in this step that miss their deadline, per task that the servers could start. */
  late: number;
  /** Power relative to all servers at full capacity. */
  energy: number;
  /** Price of the tasks sent to the cloud, per task that the servers could start. */
  cloud: number;
}

/** Weights of the costs in the reward. Costs without a weight don't count. */
export type Objective = Partial<Record<keyof StepCosts, number>>;

/** The paper's objective, with the square that is missing in print: r_t = -S_t². */
export const VARIANCE: Objective = { variance: 1 };

export const COST_NAMES = ['variance', 'latency', 'late', 'energy', 'cloud'] as const;

/** The reward r_t of a step: the negative weighted sum of its costs. */
export function rewardOf(costs: StepCosts, objective: Objective): number {
  let reward = 0;
  for (const name of COST_NAMES) reward -= (objective[name] ?? 0) * costs[name];
  return reward;
}

/** Parses an objective such as `variance` or `latency=1,cloud=0.5`. @throws UserError */
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

/** Sample variance (N - 1, Eq. 10) of the utilisations g_i/c_i of the running servers; 0 for fewer than two. */
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
