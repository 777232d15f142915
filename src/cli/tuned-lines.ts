import { exitsOf } from '../base/exits.js';
import { percent, table } from '../base/format.js';
import type { ClassHarm } from '../tau/by-class.js';
import type { ExitResult, TauResult } from '../tau/tune.js';

interface Tuned extends TauResult {
  /** Folds of a cross-fit; undefined if the threshold was tuned on the validation images. */
  readonly crossFit?: number;
  readonly entropyTemperature: number;
  readonly byClass: readonly (ClassHarm & { readonly name: string })[];
}

/** Text to put after a threshold: the temperature of its entropy, if that isn't 1. */
export const temperatureText = (temperature = 1): string =>
  temperature === 1 ? '' : `, entropy at temperature ${temperature}`;

/** The tuned thresholds of a run, what they achieve, and whom they harm. */
export function tunedLines(tuned: Tuned): string[] {
  const exits = exitsOf<ExitResult>(tuned);
  const { accuracy, exitRatio, exitRatios } = tuned.collaborative;
  const taus = exits.map(({ tau }) => tau.toFixed(5)).join(', ');
  const each = exitRatios ? ` (${exitRatios.map((ratio) => percent(ratio)).join(', ')})` : '';
  const branches = exits.map(({ branch }) => percent(branch.accuracy)).join(', ');
  const temperature = temperatureText(tuned.entropyTemperature);
  const images = `${tuned.samples} ${tuned.crossFit === undefined ? 'validation' : 'cross-fitted'} images`;
  return [
    `tau ${taus} (${tuned.method}, ${tuned.objective}${temperature}) on ${images}: ${percent(exitRatio)} exit early${each}, ` +
      `collaborative ${percent(accuracy)}, full ${percent(tuned.full.accuracy)}, branch ${branches}`,
    ...(tuned.note ? [tuned.note] : []),
    ...classLines(tuned),
  ];
}

/** Classes that are listed, the most harmed first. */
const LISTED_CLASSES = 10;

/** Harmful exits by class, and for which classes the limit is proven. */
function classLines({ byClass, certified, epsilon = 0, delta }: Tuned): string[] {
  const harmed = byClass
    .filter(({ harmful }) => harmful > 0)
    .sort((a, b) => b.harmful / b.samples - a.harmful / a.samples);
  const rows = harmed
    .slice(0, LISTED_CLASSES)
    .map(({ name, samples, exits, harmful }) => [
      name,
      `${samples}`,
      percent(exits / samples),
      `${harmful}`,
      percent(harmful / samples),
    ]);
  const header = ['class', 'images', 'exit early', 'harmful', 'of the class'];
  const more = harmed.length - rows.length;
  return [
    ...(harmed.length === 0
      ? ['no harmful early exit (wrong although the full network is right) in any class']
      : [
          `harmful early exits (wrong although the full network is right) by class:\n${table([header, ...rows], [1, 2, 3, 4])}`,
        ]),
    ...(more > 0 ? [`and ${more} classes with a smaller share`] : []),
    ...(certified
      ? [
          `proven for each of ${certified.classes.length} of ${byClass.length} classes: at most ${percent(epsilon)} harmful exits, ` +
            `all of them together with confidence ${percent(1 - (delta ?? 0), 0)}`,
          ...missingLine(byClass, certified),
        ]
      : []),
  ];
}

/** How many images other classes need. */
function missingLine(byClass: Tuned['byClass'], { classes, needed }: NonNullable<Tuned['certified']>): string[] {
  const others = byClass.filter((_, label) => !classes.includes(label));
  if (others.length === 0) return [];
  const listed = others
    .sort((a, b) => b.samples - a.samples)
    .slice(0, LISTED_CLASSES)
    .map(({ name, samples }) => `${name} (${Math.max(1, needed - samples)} more)`);
  const more = others.length > listed.length ? ` and ${others.length - listed.length} more classes` : '';
  return [`not proven; validation images that are missing: ${listed.join(', ')}${more}`];
}
