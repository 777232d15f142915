import { type BranchKind, exitsOf, type WithExits } from '../base/exits.js';
import { percent } from '../base/format.js';
import type { EvaluationDetails } from '../run/evaluation-details.js';
import type { Tuned, Unknown } from '../run/results.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { EVALUATION_STYLE, evaluationSections } from './evaluation-sections.js';
import { escapeHtml, figure, htmlTable, page } from './page.js';
import { tauChart } from './tau-chart.js';
import { trainingChart } from './training-chart.js';
import { unknownSection } from './unknown-section.js';

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
  /** The results of `evaluate --unknown`, if it has run. */
  readonly unknown?: Unknown;
  /** Pictures of test images as data URLs, by index. */
  readonly pictures?: Readonly<Record<string, string>>;
}

const CONFIG_STYLE = '.config th { overflow-wrap: normal; }\n';

/** One self-contained page about a run: no scripts, no requests, and the reader's light or dark colour scheme. */
export function reportHtml({ title, kind, config, epochs, tuned, test, unknown, pictures }: Report): string {
  const splits: [string, Measured | undefined][] = [
    ['test', test],
    ['validation', tuned],
  ];
  const measured = splits.flatMap(([name, split]) => (split ? [splitRow(name, split)] : []));
  const sections = [
    measured.length > 0 ? accuracyTable(measured, kind) : '<p>Not tuned or evaluated yet.</p>',
    tuned ? tauParagraph(tuned) : '',
    ...(tuned ? tauFigures(tuned, kind) : []),
    tuned ? harmTable(tuned) : '',
    epochs.length > 0 ? figure('Training', (theme) => trainingChart(epochs, theme, kind)) : '',
    ...(test?.details ? evaluationSections(test.details, kind, pictures) : []),
    unknown ? unknownSection(unknown) : '',
    `<h2>Configuration</h2>\n<table class="config">\n${flattened(config).map(configRow).join('\n')}\n</table>`,
  ];
  return page(title, sections, EVALUATION_STYLE + CONFIG_STYLE);
}

function accuracyTable(rows: readonly string[][], kind: BranchKind): string {
  const header = ['split', 'images', 'full branch', kind, 'both together', 'exits'];
  return `<h2>Accuracy</h2>\n${htmlTable('Accuracy', [header, ...rows], [1, 2, 3, 4, 5])}`;
}

function splitRow(name: string, measured: Measured): string[] {
  const { samples, full, collaborative } = measured;
  const list = (shares: readonly number[]) => shares.map((share) => percent(share)).join(', ');
  const branches = exitsOf<Branch>(measured).map(({ branch }) => branch.accuracy);
  const { accuracy, exitRatio, exitRatios } = collaborative;
  const exits = exitRatios ? `${percent(exitRatio)} (${list(exitRatios)})` : percent(exitRatio);
  return [name, String(samples), percent(full.accuracy), list(branches), percent(accuracy), exits];
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

/** Classes in the table of harmful exits, at most. */
const MOST_HARMED = 10;

/** Harmful early exits by class: a limit for all images together can hide one class that pays for all. */
function harmTable({ byClass = [], certified, epsilon = 0 }: Tuned): string {
  const harmed = byClass.flatMap((harm, label) => (harm.harmful > 0 ? [{ ...harm, label }] : []));
  if (harmed.length === 0) return '';
  harmed.sort((a, b) => b.harmful / b.samples - a.harmful / a.samples);
  const rows = harmed
    .slice(0, MOST_HARMED)
    .map(({ name, samples, exits, harmful, label }) => [
      name,
      String(samples),
      percent(exits / samples),
      String(harmful),
      percent(harmful / samples),
      certified?.classes.includes(label) ? `at most ${percent(epsilon)}` : '',
    ]);
  const header = ['class', 'images', 'exit early', 'harmful', 'of the class', ...(certified ? ['proven'] : [])];
  const shown = rows.map((row) => row.slice(0, header.length));
  const title = '<h2>Validation split: harmful early exits by class</h2>';
  return `${title}\n<p>Wrong answers although the full branch is right.</p>\n${htmlTable('Harmful early exits', [header, ...shown], [1, 2, 3, 4, 5])}`;
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

/** Characters that are shown of a longer value, such as 1,000 class names. */
const LONG_VALUE = 80;

function configRow([name, value]: [string, unknown]): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const start = `${text.slice(0, LONG_VALUE)}...`;
  const shown =
    text.length > 2 * LONG_VALUE
      ? `<details><summary>${escapeHtml(start)}</summary>${escapeHtml(text)}</details>`
      : escapeHtml(text);
  return `<tr><th>${escapeHtml(name)}</th><td>${shown}</td></tr>`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
