import type { Figures } from '../baselines/results/figures.js';

const HEADER = ['network', 'approach', 'connection', 'slower', 'ms', 'x lcdnn', 'paper', 'x lcdnn', 'J (estimate)'];

/** Table 2 with a row for each approach, and its energy. */
export function systemCells({ networks }: Figures): { rows: string[][]; right: number[] } {
  const rows = networks.flatMap(({ title, connection, table2, measured }) =>
    table2.flatMap(({ slowdown, cells }) =>
      cells.map(({ approach, meanMs, ratio, paper }) => {
        const found = measured.find(
          (one) => one.approach === approach && one.connection === connection && one.slowdown === slowdown,
        );
        return [
          title,
          approach,
          connection,
          `${slowdown}`,
          meanMs.toFixed(1),
          digits(ratio),
          digits(paper?.meanMs),
          digits(paper?.ratio),
          digits(found?.cold.energy && found.cold.energy.totalMj / 1000),
        ];
      }),
    ),
  );
  return { rows: [HEADER, ...rows], right: [3, 4, 5, 6, 7, 8] };
}

const digits = (value: number | undefined): string =>
  value === undefined ? '' : value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
