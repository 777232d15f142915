import type { Input, NetworkShape } from './network.js';

/** Recording of an episode: input, hidden units, outputs and action of each decision; reward of each step. */
export interface Tape {
  readonly shape: NetworkShape;
  /** Number of decisions so far, and the index of each step's first decision. */
  length: number;
  readonly firstOf: number[];
  readonly rewards: number[];
  readonly actions: number[];
  readonly activeFrom: number[];
  features: Float64Array;
  active: Int32Array;
  units: Float64Array;
  outputs: Float64Array;
}

export const createTape = (shape: NetworkShape): Tape => ({
  shape,
  length: 0,
  firstOf: [],
  rewards: [],
  actions: [],
  activeFrom: [0],
  features: new Float64Array(0),
  active: new Int32Array(0),
  units: new Float64Array(0),
  outputs: new Float64Array(0),
});

export function rewind(tape: Tape): void {
  tape.length = tape.firstOf.length = tape.rewards.length = tape.actions.length = 0;
  tape.activeFrom.length = 1;
}

export function recordDecision(
  tape: Tape,
  input: Input,
  units: Float64Array,
  outputs: Float64Array,
  action: number,
): void {
  const { features, hidden, outputs: width } = tape.shape;
  const at = tape.length;
  const from = tape.activeFrom[at];
  const to = from + input.activeCount;
  tape.features = withRoom(tape.features, (at + 1) * features);
  tape.units = withRoom(tape.units, (at + 1) * hidden);
  tape.outputs = withRoom(tape.outputs, (at + 1) * width);
  tape.active = withRoom(tape.active, to);
  tape.features.set(input.features, at * features);
  tape.units.set(units, at * hidden);
  tape.outputs.set(outputs, at * width);
  tape.active.set(input.active.subarray(0, input.activeCount), from);
  tape.activeFrom.push(to);
  tape.actions.push(action);
  tape.length++;
}

/** A recorded decision, as views that are valid until the tape changes. */
export function decisionAt(tape: Tape, at: number) {
  const { features, hidden, outputs } = tape.shape;
  const active = tape.active.subarray(tape.activeFrom[at], tape.activeFrom[at + 1]);
  return {
    input: {
      features: tape.features.subarray(at * features, (at + 1) * features),
      active,
      activeCount: active.length,
    } satisfies Input,
    units: tape.units.subarray(at * hidden, (at + 1) * hidden),
    outputs: tape.outputs.subarray(at * outputs, (at + 1) * outputs),
    action: tape.actions[at],
  };
}

function withRoom<Values extends Float64Array | Int32Array>(values: Values, length: number): Values {
  if (values.length >= length) return values;
  const larger = new (values.constructor as new (length: number) => Values)(2 * length);
  larger.set(values);
  return larger;
}
