import { LAYER_KINDS, type Rates, type Work } from './layer-times.js';

/** Layers that were timed together. */
export interface Sample {
  readonly works: readonly Work[];
  readonly milliseconds: number;
}

/** Of weights, and of descent for each. */
const ROUNDS = [30, 300];
const COLUMNS = LAYER_KINDS.flatMap((kind) =>
  (['layers', 'operations', 'values'] as const).map((of) => ({ kind, of })),
);

/**
 * The rates, none below 0, with the least squares of the logarithms of estimate over time: half a time is as wrong as
 * twice. By non-negative least squares, weighted anew in every round so that the gradients are those of the logarithms.
 * A kind that no sample has gets 0.
 */
export function fitRates(samples: readonly Sample[]): Rates {
  const rows = samples.map(({ works }) =>
    COLUMNS.map(({ kind, of }) => {
      const ofKind = works.filter((work) => work.kind === kind);
      return of === 'layers' ? ofKind.length : ofKind.reduce((sum, work) => sum + work[of], 0);
    }),
  );
  const times = samples.map(({ milliseconds }) => 1e6 * milliseconds);
  const estimate = (row: readonly number[], rates: readonly number[]): number =>
    row.reduce((sum, work, column) => sum + work * rates[column], 0);
  let rates = COLUMNS.map(() => 0);
  let estimates: readonly number[] = times;
  for (let round = 0; round < ROUNDS[0]; round++) {
    const weights = times.map((time, i) => Math.sqrt(logarithmWeight(time, estimates[i])));
    const weighted = rows.map((row, i) => row.map((work) => work * weights[i]));
    rates = descend(
      weighted,
      times.map((time, i) => time * weights[i]),
      rates,
    );
    estimates = rows.map((row, i) => Math.max(estimate(row, rates), times[i] / 100));
  }
  const rate = (kind: string, of: string): number => {
    const found = rates[COLUMNS.findIndex((column) => column.kind === kind && column.of === of)];
    return found < 1e-9 ? 0 : Number(found.toPrecision(3));
  };
  return Object.fromEntries(
    LAYER_KINDS.map((kind) => [
      kind,
      { layer: rate(kind, 'layers'), operation: rate(kind, 'operations'), value: rate(kind, 'values') },
    ]),
  ) as unknown as Rates;
}

/** What (estimate - time)^2 is weighted with for the gradient of log(estimate / time)^2. */
function logarithmWeight(time: number, estimate: number): number {
  const error = estimate - time;
  return Math.abs(error) < 1e-6 * time ? 1 / (time * estimate) : Math.log(estimate / time) / (error * estimate);
}

/** Non-negative x towards the least |rows x - targets|, coordinate by coordinate. */
function descend(rows: readonly (readonly number[])[], targets: readonly number[], start: readonly number[]): number[] {
  const x = [...start];
  const errors = rows.map((row, i) => targets[i] - row.reduce((sum, value, column) => sum + value * x[column], 0));
  const squares = x.map((_, column) => rows.reduce((sum, row) => sum + row[column] ** 2, 0));
  for (let round = 0; round < ROUNDS[1]; round++) {
    for (const [column, square] of squares.entries()) {
      if (square === 0) continue;
      const step = rows.reduce((sum, row, i) => sum + row[column] * errors[i], 0) / square;
      const next = Math.max(0, x[column] + step);
      for (const [i, row] of rows.entries()) errors[i] -= (next - x[column]) * row[column];
      x[column] = next;
    }
  }
  return x;
}
