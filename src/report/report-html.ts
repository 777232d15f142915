import { exitsOf, type WithExits } from '../base/exits.js';
import type { Tuned } from '../run/results.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { percent, type Theme } from './chart.js';
import { tauChart } from './tau-chart.js';
import { trainingChart } from './training-chart.js';

type Branch = Pick<Tuned, 'branch'>;
type TunedExit = Pick<Tuned, 'tau' | 'branch' | 'curve'> & { readonly folds: Pick<Tuned['folds'], 'tau'> };

/** Accuracies of a split, in [0, 1]. */
type Measured = Pick<Tuned, 'samples' | 'full' | 'collaborative'> & WithExits<Branch>;

/** What stands in a run directory, as far as the report shows it. */
export interface Report {
  /** The page's heading, e.g. `lenet on mnist`. */
  readonly title: string;
  /** config.json: any plain data. */
  readonly config: Readonly<Record<string, unknown>>;
  /** metrics.jsonl; may be empty. */
  readonly epochs: readonly EpochMetrics[];
  /** tau.json, once τ is tuned (on the validation split). */
  readonly tuned?: Tuned;
  /** What `evaluate` measured on the test split, if it has. */
  readonly test?: Measured;
}

/** One self-contained page about a run: no script, no request, in the reader's light or dark colours. */
export function reportHtml({ title, config, epochs, tuned, test }: Report): string {
  const splits: [string, Measured | undefined][] = [
    ['test', test],
    ['validation', tuned],
  ];
  const measured = splits.flatMap(([name, split]) => (split ? [splitRow(name, split)] : []));
  const sections = [
    measured.length > 0 ? accuracyTable(measured) : '<p>Not tuned or evaluated yet.</p>',
    tuned ? tauParagraph(tuned) : '',
    ...(tuned ? tauFigures(tuned) : []),
    epochs.length > 0 ? figure('Training', (theme) => trainingChart(epochs, theme)) : '',
    `<h2>Configuration</h2>\n<table>\n${flattened(config).map(configRow).join('\n')}\n</table>`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${sections.filter(Boolean).join('\n')}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --text: #222; --page: #fff; --faint: #e3e3e3; }
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--faint); text-align: left; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { text-align: right; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
.dark { display: none; }
@media (prefers-color-scheme: dark) {
  :root { --text: #d5d5d5; --page: #1b1d21; --faint: #3a3d44; }
  .dark { display: block; }
  .light { display: none; }
}
`;

function accuracyTable(rows: readonly string[]): string {
  const columns = ['images', 'full branch', 'binary branch', 'both together', 'exits'];
  const head = columns.map((name) => `<th class="number">${name}</th>`).join('');
  return `<h2>Accuracy</h2>\n<table>\n<tr><th>split</th>${head}</tr>\n${rows.join('\n')}\n</table>`;
}

function splitRow(name: string, measured: Measured): string {
  const { samples, full, collaborative } = measured;
  const list = (shares: readonly number[]) => shares.map((share) => percent(share)).join(', ');
  const branches = exitsOf<Branch>(measured).map(({ branch }) => branch.accuracy);
  const { accuracy, exitRatio, exitRatios } = collaborative;
  const exits = exitRatios ? `${percent(exitRatio)} (${list(exitRatios)})` : percent(exitRatio);
  const texts = [String(samples), percent(full.accuracy), list(branches), percent(accuracy), exits];
  const cells = texts.map((text) => `<td class="number">${escapeHtml(text)}</td>`);
  return `<tr><th>${name}</th>${cells.join('')}</tr>`;
}

function tauParagraph(tuned: Tuned): string {
  const { method, objective, epsilon, note, folds } = tuned;
  const exits = exitsOf<TunedExit>(tuned);
  const taus = exits.map(({ tau }) => digits(tau)).join(', ');
  const spreads = exits.map(({ folds: { tau } }) => `${digits(tau.mean)} ± ${digits(tau.std)}`).join(', ');
  const spread = `${spreads} over ${folds.count} folds of ${folds.samples} images`;
  // Folds have fewer images and may prove less: their thresholds are then higher, not just more scattered.
  const looser = folds.epsilon === epsilon ? '' : `, which can prove only epsilon ${percent(folds.epsilon ?? 0)}`;
  const kept = epsilon === undefined ? '' : `, epsilon ${percent(epsilon)}`;
  const text = `τ = ${taus} (method ${method}, objective ${objective}${kept}; ${spread}${looser}).${note ? ` ${note}.` : ''}`;
  return `<p>${escapeHtml(text)}</p>`;
}

/** A chart for each exit: what all do together as its τ moves. */
function tauFigures(tuned: Tuned): string[] {
  return exitsOf<TunedExit>(tuned).map((exit, i, { length }) => {
    const threshold = length > 1 ? `threshold τ of exit ${i + 1}` : 'threshold τ';
    const caption = `Accuracy and exit ratio against the ${threshold}, validation split`;
    return figure(caption, (theme) => tauChart({ ...tuned, ...exit }, theme));
  });
}

/** A chart in both colour schemes; the style shows the one that fits. */
function figure(caption: string, draw: (theme: Theme) => string): string {
  const drawings = (['light', 'dark'] as const).map((theme) => `<div class="${theme}">${draw(theme)}</div>`);
  return `<figure>\n<figcaption>${caption}</figcaption>\n${drawings.join('\n')}\n</figure>`;
}

/** Nested options as dotted names: `optimizer.lr`. */
function flattened(value: Readonly<Record<string, unknown>>, prefix = ''): [name: string, value: unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flattened(inner as Record<string, unknown>, `${prefix}${key}.`)
      : [[prefix + key, inner]],
  );
}

function configRow([name, value]: [string, unknown]): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(text)}</td></tr>`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
