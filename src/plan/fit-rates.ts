import { LAYER_KINDS, type Rates, type Work } from './layer-times.js';

/** A measured time for one or more layers. */
export interface Sample {
  readonly works: readonly Work[];
  readonly milliseconds: number;
}

/** Number of reweighting rounds, and of descent rounds in each. */
const ROUNDS = [30, 300];
const COLUMNS = LAYER_KINDS.flatMap((kind) =>
  (['layers', 'operations', 'values'] as const).map((of) => ({ kind, of })),
);

/**
 * Fits non-negative rates that minimise the squared logarithms of estimate / time, so that half the time is as wrong as
 * twice the time. Iteratively reweighted non-negative least squares: in every round the weights make the gradients equal
 * to those of the logarithms. A kind without samples gets 0.
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
    const fitted = rates[COLUMNS.findIndex((column) => column.kind === kind && column.of === of)];
    return fitted < 1e-9 ? 0 : Number(fitted.toPrecision(3));
  };
  return Object.fromEntries(
    LAYER_KINDS.map((kind) => [
      kind,
      { layer: rate(kind, 'layers'), operation: rate(kind, 'operations'), value: rate(kind, 'values') },
    ]),
  ) as unknown as Rates;
}

/** The weight of (estimate - time)^2 that gives it the gradient of log(estimate / time)^2. */
function logarithmWeight(time: number, estimate: number): number {
  const error = estimate - time;
  return Math.abs(error) < 1e-6 * time ? 1 / (time * estimate) : Math.log(estimate / time) / (error * estimate);
}

/** Minimises |rows x - targets| over x >= 0 by coordinate descent. */
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
