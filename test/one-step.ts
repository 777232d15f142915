import { expect } from 'vitest';
import { floats } from '../kernels/test-values.js';
import { random } from '../src/base/random.js';
import type { NamedArrays } from '../src/base/tensors.js';
import type { JointNetwork } from '../src/network/layers.js';
import type { Engine, EngineFunction } from '../src/train/engines/engine.js';
import type { OptimizerName } from '../src/train/optimizers.js';
import { optimizerSlots, type StepOptions, trainStep } from '../src/train/step.js';
import { ofTeacher } from '../src/train/teacher.js';
import { randomParameters } from './small-network.js';

export const BATCH = 4;

export interface StepStart {
  readonly network: JointNetwork;
  readonly optimizer: OptimizerName;
  readonly slots: 'cold' | 'warm';
  readonly seed: number;
  readonly options?: Partial<StepOptions>;
  readonly floatWeights?: boolean;
  /** With random parameters. */
  readonly teacher?: JointNetwork;
  /** What the network starts from. Default: random values, none of them special. */
  readonly parameters?: NamedArrays;
}

/** Slots at 0, as before the first step, or as after many. */
export function startState({ network, optimizer, slots, seed, parameters, options }: StepStart): NamedArrays {
  const state = { ...(parameters ?? randomParameters(network, seed)) };
  optimizerSlots(network, { ...options, optimizer }).forEach(({ name, parameter, startsAsCopy }, i) => {
    const { shape } = parameter;
    const drawn = floats(
      random(seed, 1000 + i),
      shape.reduce((product, size) => product * size, 1),
    );
    const warm = (value: number) => (name.includes('.second.') ? 0.01 + value * value : 0.1 * value);
    if (startsAsCopy) {
      // The weights under training are those that the seed was chosen for; their averages are others.
      const { values } = state[parameter.name];
      state[name] = { shape, values };
      state[parameter.name] = { shape, values: values.map((value, j) => value * (1 + 0.1 * Math.abs(drawn[j]))) };
      return;
    }
    state[name] = { shape, values: drawn.map((value) => (slots === 'warm' ? warm(value) : 0)) };
  });
  return state;
}

/**
 * One training step of an engine from there: what it observes, and the state that it leaves.
 *
 * @param compiled of each engine, for further starts of the same network with the same options: compiling takes seconds
 */
export async function oneStep(engine: Engine, start: StepStart, compiled = new Map<Engine, EngineFunction>()) {
  const { network, optimizer, seed } = start;
  const { input, classes } = network;
  const state = startState(start);
  const taught = start.teacher ? ofTeacher.rename(randomParameters(start.teacher, seed)) : {};
  engine.setState({ ...state, ...taught });
  const compile = () =>
    engine.compile(
      trainStep(
        network,
        { optimizer, weightDecay: 1e-4, branchWeight: 1, distillation: 1, temperature: 2, ...start.options },
        start.floatWeights,
        start.teacher,
      ),
      Object.keys({ ...state, ...taught }),
      {
        images: [BATCH, ...input],
        targets: [BATCH, classes],
        rate: [],
        branchRate: [],
        correction1: [],
        correction2: [],
        ...(start.options?.averageDecay ? { averageKeep: [] } : {}),
      },
    );
  const step = compiled.get(engine) ?? (await compile());
  compiled.set(engine, step);
  const targets = new Float32Array(BATCH * classes);
  for (let i = 0; i < BATCH; i++) targets[classes * i + (i % classes)] = 1;
  const steps = start.slots === 'warm' ? 10 : 1;
  const observed = await step({
    images: floats(random(seed, 9999), BATCH * input[0] * input[1] * input[2]),
    targets,
    rate: Float32Array.of(0.01),
    branchRate: Float32Array.of(0.02),
    correction1: Float32Array.of(1 - 0.9 ** steps),
    correction2: Float32Array.of(1 - 0.999 ** steps),
    ...(start.options?.averageDecay ? { averageKeep: Float32Array.of(start.options.averageDecay) } : {}),
  });
  return { observed, state: await engine.getState() };
}

/** The largest absolute value. */
export const largest = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** No error is more than `tolerance` of `size`, the largest value unless given. */
export function expectClose(
  got: Float32Array,
  want: Float32Array,
  tolerance: number,
  what: string,
  size = largest(want),
): void {
  expect(got.length, what).toBe(want.length);
  const error = largest(want.map((value, i) => value - got[i]));
  expect(error, `${what}, largest error where values go up to ${size}`).toBeLessThanOrEqual(tolerance * size);
}
