import { fileSize, percent } from '../base/format.js';
import type { Figures, LatencyCell, MeasuredAnswers, NetworkFigures } from '../baselines/results/figures.js';
import type { Approach } from '../baselines/results/results.js';
import { type Cell, escapeHtml, htmlTable } from './page.js';
import { joules, milliseconds, significant, times } from './quantities.js';

const NONE = '–';

/** The tables of the page of an evaluation, as HTML. */
export function systemTables(figures: Figures) {
  return {
    runs: runs(figures),
    networks: networks(figures),
    latency: latency(figures),
    tails: tails(figures),
    approaches: approaches(figures),
    measured: measured(figures),
    powers: powers(figures),
  };
}

function runs({ runs }: Figures): string {
  const rows = runs.map(({ file, date, machine, settings }) => [
    file,
    date.slice(0, 16).replace('T', ' '),
    String(settings.images),
    String(settings.seed),
    String(machine.cores),
    `${machine.processor}; ${machine.browser}`,
  ]);
  return htmlTable(
    'Runs',
    [['file', 'date (UTC)', 'images', 'seed', 'cores', 'processor; browser'], ...rows],
    [2, 3, 4],
  );
}

function networks({ networks }: Figures): string {
  const header = ['network', 'τ', 'full', 'branch', 'together', 'exits', 'test images', 'training'];
  const rows = networks.map(({ title, tau, accuracy: { full, branch, both, exitRatio, images }, training }) => [
    title,
    significant(tau),
    ...[full, branch, both, exitRatio].map((share) => percent(share)),
    images.toLocaleString('en-US'),
    training,
  ]);
  return htmlTable('Networks', [header, ...rows], [1, 2, 3, 4, 5, 6]);
}

/** Approaches in the paper's order. */
const TABLE_2: readonly Approach[] = [
  'lcdnn',
  'lcdnn-first',
  'neurosurgeon',
  'edgent',
  'mobile-only',
  'mobile-only-int8',
  'litert',
  'litert-int8',
  'edge-only',
];

function latency({ networks }: Figures): string {
  const shown = TABLE_2.filter((approach) =>
    networks.some(({ table2 }) => table2.some(({ cells }) => cells.some((cell) => cell.approach === approach))),
  );
  const rows = networks.flatMap(({ title, connection, table2 }) =>
    table2.map(({ slowdown, cells }): Cell[] => [
      { text: title, small: [slowdown === 1 ? connection : `${connection}, ${slowdown}× slower`] },
      ...shown.map((approach) => latencyCell(cells.find((cell) => cell.approach === approach))),
    ]),
  );
  const note =
    "<p>Means in ms, and how many times LcDNN's they are; in brackets what the paper has printed for its networks, phone and edge.</p>";
  const numbers = shown.map((_, i) => i + 1);
  return `${note}\n${htmlTable('Table 2', [['network', ...shown], ...rows], numbers)}`;
}

function latencyCell(cell: LatencyCell | undefined): Cell {
  if (!cell) return NONE;
  const ratio = (of: number | undefined): string => (of === undefined || of === 1 ? '' : ` · ${times(of)}`);
  const { meanMs, paper } = cell;
  return {
    text: `${milliseconds(meanMs)}${ratio(cell.ratio)}`,
    small: paper ? [`[${significant(paper.meanMs)}${ratio(paper.ratio)}]`] : [],
  };
}

/** Energy of the radio after an answer. It is the same for all approaches that wake the radio. */
function tails({ networks }: Figures): string {
  const found = networks.flatMap(({ measured }) => measured);
  const texts = [...new Set(found.map(({ connection }) => connection))].flatMap((connection) => {
    const energy = found.find((one) => one.connection === connection)?.cold.energy;
    return energy ? [`${connection} ${joules(energy.tailMj)}`] : [];
  });
  if (texts.length === 0) return '<p>Not estimated: no powers are known of these connections.</p>';
  return `<p>${escapeHtml(`Not in it: the radio stays awake after the last byte, if nothing follows: ${texts.join(', ')}.`)}</p>`;
}

function approaches({ networks }: Figures): string {
  const header = [
    'network',
    'approach',
    'accuracy',
    'download',
    'up',
    'edge asked',
    'edge CPU',
    'images/s a core',
    'edge energy',
    'plan',
  ];
  const rows = networks.flatMap((network) =>
    network.approaches.map(({ approach, plan, accuracy, downloadBytes, edge }) => [
      network.title,
      approach,
      accuracy ? percent(accuracy.share) : NONE,
      fileSize(downloadBytes),
      bytesUp(network, approach),
      percent(edge.asked, 0),
      `${milliseconds(edge.cpuMs)} ms`,
      edge.perSecond === undefined ? NONE : significant(edge.perSecond),
      edge.joules === undefined ? NONE : joules(1000 * edge.joules),
      plan,
    ]),
  );
  return htmlTable('Accuracy and bytes', [header, ...rows], [2, 3, 4, 5, 6, 7, 8]);
}

/**
 * Bytes that an answer with an empty cache sends over this connection. If the plan is the same for all connections, so
 * are the bytes.
 */
function bytesUp({ measured, connection, slowdown }: NetworkFigures, approach: string): string {
  const found = measured.find(
    (one) => one.approach === approach && one.connection === connection && one.slowdown === slowdown,
  );
  return found ? fileSize(found.cold.bytesUp) : NONE;
}

function measured({ networks }: Figures): string {
  const columns = ['mean', 'p50', 'p95', 'energy'];
  const header = [
    'network',
    'approach',
    'connection',
    'slower',
    ...['cold', 'warm'].flatMap((cache) => columns.map((name) => `${cache} ${name}`)),
  ];
  const cells = ({ meanMs, p50Ms, p95Ms, energy }: MeasuredAnswers) => [
    ...[meanMs, p50Ms, p95Ms].map(milliseconds),
    energy ? joules(energy.totalMj) : NONE,
  ];
  const rows = networks.flatMap(({ title, measured }) =>
    measured.map(({ approach, connection, slowdown, cold, warm }) => [
      title,
      approach,
      connection,
      `${slowdown}×`,
      ...cells(cold),
      ...cells(warm),
    ]),
  );
  return `<p>In ms. Cold: empty cache; warm: a page that has everything.</p>\n${htmlTable('Everything that was measured', [header, ...rows], header.map((_, i) => i).slice(3))}`;
}

function powers({ powers: { processor, radios }, networks }: Figures): string {
  const used = new Set(networks.flatMap(({ measured }) => measured.map(({ connection }) => connection.split(',')[0])));
  const rows = Object.entries(radios)
    .filter(([name]) => used.has(name))
    .map(([name, { baseMw, upMwPerMbps, downMwPerMbps, tailMw, tailMs, source }]) => [
      name,
      ...[baseMw, upMwPerMbps, downMwPerMbps, tailMw].map((mw) =>
        mw.toLocaleString('en-US', { maximumFractionDigits: 2 }),
      ),
      `${significant(tailMs / 1000)} s`,
      source,
    ]);
  const header = ['part', 'busy, mW', 'up, mJ/Mbit', 'down, mJ/Mbit', 'tail, mW', 'tail', 'source'];
  const core = ['processor', significant(processor.busyMw), NONE, NONE, NONE, NONE, processor.source];
  return htmlTable('Powers', [header, core, ...rows], [1, 2, 3, 4, 5]);
}
