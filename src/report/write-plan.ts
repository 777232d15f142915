import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../base/files.js';
import { sum } from '../base/statistics.js';
import type { Priced } from '../plan/compare-designs.js';
import { type DesignBar, designsChart, paretoChart, sizesChart } from './plan-charts.js';
import { type PlanPage, planText, type Section, soonest } from './plan-page.js';

/** Writes `plan.json`, and its tables and charts as `plan.md` and SVG. */
export async function writePlanFiles(folder: string, page: PlanPage, result: object): Promise<void> {
  const { answers, choice, images, notes } = page;
  const charts: Record<string, string> = {
    'places.svg': designsChart(soonest(answers.places).map((design) => barOf(design, images))),
    'sizes.svg': sizesChart(answers.sizes.map(sizeOf)),
  };
  if (choice) {
    const [within, front] = [new Set(choice.within), new Set(choice.front)];
    const points = choice.candidates.map((design) => ({
      label: labelOf(design),
      downloadBytes: design.downloadBytes,
      expectedMs: design.expectedMs,
      best: front.has(design),
      satisfies: within.has(design),
    }));
    const { maxBytes, maxLatencyMs } = choice.limits;
    charts['designs.svg'] = paretoChart(points, { bytes: maxBytes, ms: maxLatencyMs });
  }
  const { title, sections } = planText(page);
  const shown = ['', 'places.svg', 'sizes.svg', 'designs.svg'];
  const parts = sections.flatMap((section, i) => [...markdown(section), ...(shown[i] ? [`![](${shown[i]})`, ''] : [])]);
  makeFolder(folder);
  writeFileAtomic(join(folder, 'plan.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileAtomic(
    join(folder, 'plan.md'),
    [`# ${title}`, '', ...notes.map((note) => `- ${note}`), '', ...parts].join('\n'),
  );
  for (const [name, svg] of Object.entries(charts)) writeFileAtomic(join(folder, name), svg);
}

function markdown({ title, cells, after }: Section): string[] {
  const [header, ...rows] = cells.rows;
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const rule = header.map((_, column) => (cells.right.includes(column) ? '--:' : '---'));
  const text = after === '' ? [] : ['```', after, '```', ''];
  return [`## ${title}`, '', line(header), `|${rule.join('|')}|`, ...rows.map(line), '', ...text];
}

const labelOf = ({ attach, branch }: Priced): string => (branch === 'mirror' ? attach : `${attach} ${branch}`);

/** The parts that add up to the expected latency. */
function barOf(design: Priced, images: number): DesignBar {
  const { times, exits } = design;
  // The shares of samples that reach each exit, and the edge.
  const arriving = [...exits.ratios, 0].map((_, exit) => 1 - sum(exits.ratios.slice(0, exit)));
  const toEdge = arriving[arriving.length - 1];
  return {
    label: labelOf(design),
    loadingMs: sum(times.exits.map(({ downloadMs }) => downloadMs)) / images,
    deviceMs: sum(times.exits.map(({ trunkMs, branchMs }, exit) => arriving[exit] * (trunkMs + branchMs))),
    uplinkMs: toEdge * times.uplinkMs,
    edgeMs: toEdge * times.edgeMs,
  };
}

function sizeOf({ branch, cost, exits }: Priced) {
  const [, conv, fc] = /^conv=(\d+),fc=(\d+)$/.exec(branch)!;
  return { conv: Number(conv), fc: Number(fc), bytes: cost.device.bytes, accuracy: exits.accuracies?.branches[0] };
}
