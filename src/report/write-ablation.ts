import { join } from 'node:path';
import { writeFileAtomic } from '../base/files.js';
import { type Ablation, writeAblation } from '../run/ablation.js';
import { ablationChart } from './ablation-chart.js';
import { ablationMarkdown } from './ablation-table.js';
import { toPng } from './chart.js';

/** Writes `ablation.json`, and a table and chart of it. */
export async function writeAblationReport(folder: string, ablation: Ablation): Promise<void> {
  const svg = ablationChart(ablation.rows);
  writeAblation(folder, ablation);
  writeFileAtomic(join(folder, 'ablation.md'), ablationMarkdown(ablation));
  writeFileAtomic(join(folder, 'ablation.svg'), svg);
  writeFileAtomic(join(folder, 'ablation.png'), await toPng(svg));
}
