/** A limit that a measured value has to keep. Shares are in [0, 1]. */
export interface Gate {
  /** What is measured: "accuracy of both", "download". */
  readonly name: string;
  readonly unit: GateUnit;
  /** Whether the limit is the smallest or the largest value that passes. */
  readonly bound: 'min' | 'max';
  readonly limit: number;
  readonly value: number;
  /** 95 % confidence interval of the value. */
  readonly interval?: readonly [low: number, high: number];
  /** Whether the worse end of the interval was compared with the limit, instead of the value. */
  readonly confident: boolean;
  readonly passed: boolean;
}

export type GateUnit = 'share' | 'bytes' | 'ms' | 'count';

/** Compares a value with its limit. With `confident`, the worse end of its interval must pass. */
export function checkGate(measured: Omit<Gate, 'passed' | 'confident'> & { readonly confident?: boolean }): Gate {
  const { bound, limit, value, interval } = measured;
  const confident = measured.confident === true && interval !== undefined;
  const [low, high] = confident ? interval : [value, value];
  return { ...measured, confident, passed: bound === 'min' ? low >= limit : high <= limit };
}
