import type { BranchKind } from '../base/exits.js';
import { percent, wholeNumber } from '../base/format.js';
import { topConfusions } from '../evaluation/class-statistics.js';
import type { EvaluationDetails, Statistics } from '../run/evaluation-details.js';
import { GALLERY_STYLE, gallerySection } from './gallery-section.js';
import { escapeHtml, figure, htmlTable } from './page.js';
import { reliabilityChart } from './reliability-chart.js';

/** Maximum number of rows in a table of classes or mistakes. If there are more classes, only the worst are listed. */
const MOST_CLASSES = 30;
const MOST_CONFUSIONS = 10;
/** With more classes, a confusion matrix is too large to read. */
const MOST_MATRIX_CLASSES = 20;

export const EVALUATION_STYLE = `${GALLERY_STYLE}
.scroll td.number { white-space: nowrap; }
.scroll table:not(.matrix) :is(th, td):not(.number) { min-width: 9rem; max-width: 18rem; overflow-wrap: break-word; }
@media (max-width: 40rem) {
  th, td { padding-right: .8rem; }
  .scroll table:not(.matrix) :is(th, td):not(.number) { min-width: 6rem; max-width: 9rem; }
}
.matrix td { text-align: center; padding: .2rem .5rem; }
.matrix th { font-weight: 400; padding: .2rem .5rem; white-space: nowrap; }
.matrix .right { outline: 1px solid var(--faint); }
`;

const EARLY = 'early exits';

/** A named group of answers: the full branch, each binary branch, the whole system, and its early exits. */
interface Answers {
  readonly name: string;
  readonly statistics: Statistics;
}

/** Sections of a run's report about single classes and images, on the test split. @returns HTML */
export function evaluationSections(
  details: EvaluationDetails,
  kind: BranchKind,
  pictures: Readonly<Record<string, string>> = {},
): string[] {
  const answers = answersOf(details, kind);
  const compared = answers.filter(({ name }) => name !== EARLY);
  const whole = details.collaborative ?? details.full;
  const wholeName = details.collaborative ? 'both together' : 'the full branch';
  return [
    `<h2>Test split: confidence and calibration</h2>`,
    accuracyTable(answers),
    '<p>The interval contains the true accuracy in 95 of 100 test sets of this size. The calibration error is the mean difference between confidence and accuracy.</p>',
    figure('Accuracy by confidence; a calibrated network lies on the diagonal', (theme) =>
      reliabilityChart(
        compared.map(({ name, statistics }) => ({ name, bins: statistics.calibration.bins })),
        theme,
      ),
    ),
    `<h2>Test split: classes</h2>`,
    classTable(details, compared, whole),
    `<h2>Test split: confusions of ${wholeName}</h2>`,
    matrixTable(details.classNames, whole),
    confusionTable('Most frequent mistakes', details.classNames, whole),
    ...(details.early
      ? [
          '<h2>Test split: confusions of images that exit early</h2>',
          confusionTable('Most frequent mistakes among early exits', details.classNames, details.early),
        ]
      : []),
    ...gallerySection(details, pictures),
  ];
}

function answersOf({ full, branches, collaborative, early }: EvaluationDetails, kind: BranchKind): Answers[] {
  const isAlone = branches.length === 0;
  return [
    { name: isAlone ? 'network' : 'full branch', statistics: full },
    ...branches.map((statistics, i) => ({ name: branches.length > 1 ? `${kind} ${i + 1}` : kind, statistics })),
    ...(collaborative ? [{ name: 'both together', statistics: collaborative }] : []),
    ...(early && early.samples > 0 ? [{ name: EARLY, statistics: early }] : []),
  ];
}

function accuracyTable(answers: readonly Answers[]): string {
  const rows = answers.map(({ name, statistics: { samples, accuracy, interval, calibration } }) => [
    name,
    wholeNumber(samples),
    percent(accuracy),
    interval.map((end) => percent(end)).join(' to '),
    percent(calibration.error),
  ]);
  const header = ['', 'images', 'accuracy', '95 % interval', 'calibration error'];
  return htmlTable('Accuracy and calibration', [header, ...rows], [1, 2, 3, 4]);
}

/** All classes, or those with the lowest recall if there are many. */
function classTable({ classNames }: EvaluationDetails, compared: readonly Answers[], whole: Statistics): string {
  const order = classNames.map((_, i) => i);
  const isLong = order.length > MOST_CLASSES;
  if (isLong) order.sort((a, b) => (whole.perClass[a].recall ?? 2) - (whole.perClass[b].recall ?? 2));
  const cell = (share: number | null): string => (share === null ? '–' : percent(share, 1));
  const rows = order.slice(0, MOST_CLASSES).map((i) => [
    classNames[i],
    wholeNumber(whole.perClass[i].count),
    ...compared.flatMap(({ statistics }) => {
      const { precision, recall } = statistics.perClass[i];
      return [cell(precision), cell(recall)];
    }),
  ]);
  const header = ['class', 'images', ...compared.flatMap(({ name }) => [`${name}: precision`, 'recall'])];
  const note = isLong ? `<p>The ${MOST_CLASSES} of ${classNames.length} classes with the lowest recall.</p>\n` : '';
  return note + htmlTable('Classes', [header, ...rows], header.map((_, i) => i).slice(1));
}

/** The confusion matrix, shaded by share of the row; empty if there are too many classes. */
function matrixTable(classNames: readonly string[], { confusion, perClass }: Statistics): string {
  if (classNames.length > MOST_MATRIX_CLASSES) return '';
  const counts = new Map(confusion.map(([label, predicted, count]) => [`${label},${predicted}`, count]));
  const head = classNames.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const rows = classNames.map((name, label) => {
    const cells = classNames.map((_, predicted) => {
      const count = counts.get(`${label},${predicted}`) ?? 0;
      const shade = Math.round((70 * count) / Math.max(1, perClass[label].count));
      const color = label === predicted ? '#0072b2' : '#d55e00';
      const style = count > 0 ? ` style="background: color-mix(in srgb, ${color} ${shade}%, transparent)"` : '';
      return `<td${label === predicted ? ' class="right"' : ''}${style}>${count > 0 ? wholeNumber(count) : ''}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  return `<p>Rows are labels, columns are answers.</p>
<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0">
<table class="matrix">\n<thead><tr><th></th>${head}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>
</div>`;
}

function confusionTable(title: string, classNames: readonly string[], { confusion, perClass }: Statistics): string {
  const top = topConfusions(confusion, MOST_CONFUSIONS);
  if (top.length === 0) return '<p>No mistakes.</p>';
  const rows = top.map(([label, predicted, count]) => [
    classNames[label],
    classNames[predicted],
    wholeNumber(count),
    percent(count / perClass[label].count, 1),
  ]);
  return htmlTable(title, [['label', 'answer', 'images', 'of the class'], ...rows], [2, 3]);
}
