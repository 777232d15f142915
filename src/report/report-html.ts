import { type BranchKind, exitsOf, type WithExits } from '../base/exits.js';
import { percent } from '../base/format.js';
import type { EvaluationDetails } from '../run/evaluation-details.js';
import type { Tuned } from '../run/results.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { EVALUATION_STYLE, evaluationSections } from './evaluation-sections.js';
import { escapeHtml, figure, page } from './page.js';
import { tauChart } from './tau-chart.js';
import { trainingChart } from './training-chart.js';

type Branch = Pick<Tuned, 'branch'>;
type TunedExit = Pick<Tuned, 'tau' | 'branch' | 'curve'> & { readonly folds: Pick<Tuned['folds'], 'tau'> };

/** Accuracies on a split, in [0, 1]. */
type Measured = Pick<Tuned, 'samples' | 'full' | 'collaborative'> & WithExits<Branch>;

/** The contents of a run directory that the report shows. */
export interface Report {
  /** The page's heading, e.g. `lenet on mnist`. */
  readonly title: string;
  readonly kind: BranchKind;
  /** config.json: any plain data. */
  readonly config: Readonly<Record<string, unknown>>;
  /** metrics.jsonl; may be empty. */
  readonly epochs: readonly EpochMetrics[];
  /** tau.json, once τ is tuned (on the validation split). */
  readonly tuned?: Tuned;
  /** The results of `evaluate` on the test split, if it has run. */
  readonly test?: Measured & { readonly details?: EvaluationDetails };
}

/** One self-contained page about a run: no scripts, no requests, and the reader's light or dark colour scheme. */
export function reportHtml({ title, kind, config, epochs, tuned, test }: Report): string {
  const splits: [string, Measured | undefined][] = [
    ['test', test],
    ['validation', tuned],
  ];
  const measured = splits.flatMap(([name, split]) => (split ? [splitRow(name, split)] : []));
  const sections = [
    measured.length > 0 ? accuracyTable(measured, kind) : '<p>Not tuned or evaluated yet.</p>',
    tuned ? tauParagraph(tuned) : '',
    ...(tuned ? tauFigures(tuned, kind) : []),
    epochs.length > 0 ? figure('Training', (theme) => trainingChart(epochs, theme, kind)) : '',
    ...(test?.details ? evaluationSections(test.details, kind) : []),
    `<h2>Configuration</h2>\n<table>\n${flattened(config).map(configRow).join('\n')}\n</table>`,
  ];
  return page(title, sections, EVALUATION_STYLE);
}

function accuracyTable(rows: readonly string[], kind: BranchKind): string {
  const columns = ['images', 'full branch', kind, 'both together', 'exits'];
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
  // Folds have fewer images, so they can prove less: their thresholds are systematically higher, not just noisier.
  const looser = folds.epsilon === epsilon ? '' : `, which can prove only epsilon ${percent(folds.epsilon ?? 0)}`;
  const kept = epsilon === undefined ? '' : `, epsilon ${percent(epsilon)}`;
  const text = `τ = ${taus} (method ${method}, objective ${objective}${kept}; ${spread}${looser}).${note ? ` ${note}.` : ''}`;
  return `<p>${escapeHtml(text)}</p>`;
}

/** A chart for each exit: the results of the whole system as the exit's τ changes. */
function tauFigures(tuned: Tuned, kind: BranchKind): string[] {
  return exitsOf<TunedExit>(tuned).map((exit, i, { length }) => {
    const threshold = length > 1 ? `threshold τ of exit ${i + 1}` : 'threshold τ';
    const caption = `Accuracy and exit ratio against the ${threshold}, validation split`;
    return figure(caption, (theme) => tauChart({ ...tuned, ...exit }, theme, kind));
  });
}

/** Nested options under dotted names: `optimizer.lr`. */
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
