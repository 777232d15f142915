import { fileSize, percent } from '../base/format.js';
import type { Figures, NetworkFigures } from '../baselines/results/figures.js';
import { APPROACHES, type Approach } from '../baselines/results/results.js';
import { barsChart, dotsChart } from './narrow-chart.js';
import { growthChart, thresholdChart } from './narrow-lines.js';
import { escapeHtml, figure, page } from './page.js';
import { joules, milliseconds, significant, times } from './quantities.js';
import { systemTables } from './system-tables.js';

const STYLE = `
body { max-width: 72rem; }
p { max-width: 54rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1.5rem; margin: 1rem 0; max-width: 54rem; }
.charts figure { margin: 0; }
.scroll td, .scroll th { white-space: nowrap; }
.scroll td:last-child:not(.number) { min-width: 23rem; white-space: normal; }
.scroll th:first-child { position: sticky; left: 0; background: var(--page); }
small { opacity: .8; font-weight: 400; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 40rem) {
  .scroll th:first-child { white-space: normal; min-width: 6rem; max-width: 6rem; }
}
`;

/** The page with Table 2, Figs. 10 to 14 and the measurements behind them. */
export function systemPage(figures: Figures): string {
  const { networks } = figures;
  const tables = systemTables(figures);
  const grid = (draw: (network: NetworkFigures, id: string) => string): string =>
    charts(networks.map((network, i) => draw(network, String(i))));
  return page(
    'LcDNN: the whole system',
    [
      `<p>What "lcdnn bench system" measured, as Table 2 and Figs. 10 to 14 of Huang et al. (IEEE TMC 21(7), 2022) show it. Energy is an estimate: measured times and bytes by published powers, which stand at the end.</p>`,
      section('What was run', tables.runs, tables.networks),
      section('Table 2: latency of an answer, empty cache', tables.latency),
      section('Fig. 10: mean latency as the images grow in number', grid(growthFigure)),
      section('Fig. 11: energy of an answer, empty cache (estimate)', grid(energyFigure), tables.tails),
      section('Fig. 12: images that one core of the edge carries', grid(throughputFigure)),
      section('Fig. 13: LcDNN and compressed networks', ...networks.map(compressedFigures)),
      section(
        'Fig. 14: accuracy and exits by threshold',
        '<p>On the validation images, by which the marked threshold was chosen.</p>',
        grid(thresholdFigure),
      ),
      section(
        'Where the time of an answer goes',
        '<p>Means; "page" is what none of the others has.</p>',
        ...networks.map(partFigures),
      ),
      section('Accuracy, bytes, and the edge', tables.approaches),
      section('Everything that was measured', details('All latencies and energies', tables.measured)),
      section('Powers of the estimate', tables.powers),
    ],
    STYLE,
  );
}

const section = (title: string, ...parts: readonly string[]): string =>
  [`<h2>${escapeHtml(title)}</h2>`, ...parts].join('\n');

const charts = (figures: readonly string[]): string =>
  `<div class="charts">\n${figures.filter(Boolean).join('\n')}\n</div>`;

const details = (summary: string, content: string): string =>
  `<details>\n<summary>${escapeHtml(summary)}</summary>\n${content}\n</details>`;

/** `, processor 4x slower`; empty if the processor wasn't slowed down. */
const slower = (slowdown: number): string => (slowdown === 1 ? '' : `, processor ${slowdown}× slower`);

function growthFigure({ title, slowdown, growth }: NetworkFigures, id: string): string {
  if (growth.length === 0) return '';
  const series = growth.map(({ connection, meanMs }) => ({ name: connection, values: meanMs }));
  return figure(`${title}${slower(slowdown)}`, (theme) =>
    growthChart({ id: `growth-${id}`, xName: 'images', yName: 'mean latency (ms, log scale)', series }, theme),
  );
}

function energyFigure({ title, slowdown, measured }: NetworkFigures, id: string): string {
  const known = measured.filter((one) => one.slowdown === slowdown && one.cold.energy !== undefined);
  if (known.length === 0) return '';
  const labels = APPROACHES.filter((approach) => known.some((one) => one.approach === approach));
  const joulesOf = (approach: Approach, connection: string): number | undefined => {
    const found = known.find((one) => one.approach === approach && one.connection === connection);
    return found?.cold.energy && found.cold.energy.totalMj / 1000;
  };
  const series = [...new Set(known.map(({ connection }) => connection))].map((connection) => ({
    name: connection,
    values: labels.map((approach) => joulesOf(approach, connection)),
  }));
  return figure(`${title}${slower(slowdown)}`, (theme) =>
    dotsChart({ id: `energy-${id}`, xName: 'J an answer (estimate, log scale)', labels, series }, theme),
  );
}

function throughputFigure({ title, throughput }: NetworkFigures, id: string): string {
  if (throughput.length === 0) return '';
  const rows = throughput.map(({ approach, perSecond, normalised }) => ({
    label: approach,
    values: [normalised],
    text: `${times(normalised)} (${significant(perSecond)}/s)`,
  }));
  return figure(title, (theme) =>
    barsChart({ id: `throughput-${id}`, xName: 'images, against the fewest', rows }, theme),
  );
}

/** Fig. 13's measures: heading, axis title, scale of the axis, and the format of a value. */
const COMPRESSED = [
  { name: 'latency', xName: 'ms, empty cache', key: 'meanMs', scale: 1, format: milliseconds },
  { name: 'energy (estimate)', xName: 'J, empty cache', key: 'energyMj', scale: 1e-3, format: joules },
  { name: 'accuracy', xName: '%', key: 'accuracy', scale: 100, format: percent, max: 100 },
  { name: 'download', xName: 'MB', key: 'downloadBytes', scale: 1e-6, format: fileSize },
] as const;

function compressedFigures({ title, connection, slowdown, compressed }: NetworkFigures, index: number): string {
  const drawn = COMPRESSED.map(({ name, xName, key, scale, format, ...limit }) => {
    const rows = compressed.flatMap(({ approach, ...of }) => {
      const value = of[key];
      return value === undefined ? [] : [{ label: approach, values: [scale * value], text: format(value) }];
    });
    if (rows.length === 0) return '';
    return figure(name, (theme) => barsChart({ id: `compressed-${index}-${key}`, xName, rows, ...limit }, theme));
  });
  return `<h3>${escapeHtml(`${title}, ${connection}${slower(slowdown)}`)}</h3>\n${charts(drawn)}`;
}

function thresholdFigure({ title, tau, curve }: NetworkFigures, id: string): string {
  if (curve.length === 0) return '';
  return figure(`${title}, τ = ${significant(tau)}`, (theme) =>
    thresholdChart({ id: `threshold-${id}`, tau, points: curve }, theme),
  );
}

const PARTS = ['download', 'compile', 'compute', 'uplink', 'edge', 'page'];

/** The parts of an answer's time over the paper's connection; the other connections are in a collapsed section. */
function partFigures(network: NetworkFigures, index: number): string {
  const { title, connection, slowdown, measured } = network;
  const atSpeed = measured.filter((one) => one.slowdown === slowdown);
  const draw = (over: string, cache: 'cold' | 'warm'): string => {
    const rows = atSpeed.filter((one) => one.connection === over).map((one) => partsRow(one.approach, one[cache]));
    const caption = `${over}, ${cache === 'cold' ? 'empty cache' : 'page that has everything'}`;
    return figure(caption, (theme) =>
      barsChart(
        { id: `parts-${index}-${over.replaceAll(/\W/g, '')}-${cache}`, xName: 'ms', rows, parts: PARTS },
        theme,
      ),
    );
  };
  const others = [...new Set(atSpeed.map((one) => one.connection))].filter((one) => one !== connection);
  return [
    `<h3>${escapeHtml(`${title}${slower(slowdown)}`)}</h3>`,
    charts([draw(connection, 'cold'), draw(connection, 'warm')]),
    others.length > 0 ? details(others.join(', '), charts(others.map((other) => draw(other, 'cold')))) : '',
  ].join('\n');
}

function partsRow(label: Approach, { meanMs, parts, restMs }: NetworkFigures['measured'][number]['cold']) {
  const { downloadMs, compileMs, computeMs, uplinkMs, edgeMs } = parts;
  return {
    label,
    values: [downloadMs, compileMs, computeMs, uplinkMs, edgeMs, restMs],
    text: `${milliseconds(meanMs)} ms`,
  };
}
