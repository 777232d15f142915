import { percent, wholeNumber } from '../base/format.js';
import type { Unknown } from '../run/results.js';
import { escapeHtml, htmlTable } from './page.js';

/** Rows of the table of answers, at most. */
const MOST_ANSWERS = 10;

/** What the run answers to images that belong to no class. @returns HTML */
export function unknownSection({ folder, images, exits, exitRatio, testExitRatio, ...rest }: Unknown): string {
  const { answers, scores, surest } = rest;
  const shown = answers.slice(0, MOST_ANSWERS);
  const share = (value: number | null): string => (value === null ? '–' : percent(value));
  const area = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
  const summary =
    `${wholeNumber(images)} images of ${folder}: ${wholeNumber(exits)} (${percent(exitRatio)}) exit early, each with a ` +
    `wrong answer. Of the test images, ${percent(testExitRatio)} exit early.`;
  return [
    '<h2>Images of no class</h2>',
    `<p>${escapeHtml(summary)}</p>`,
    ...(shown.length === 0
      ? []
      : [
          htmlTable(
            'Answers to images of no class',
            [
              ['answer', 'early exits', 'of the images'],
              ...shown.map(({ name, exits: count }) => [name, wholeNumber(count), percent(count / images)]),
            ],
            [1, 2],
          ),
        ]),
    ...(surest.length === 0
      ? []
      : [
          htmlTable(
            'Surest answers to images of no class',
            [
              ['surest images', 'answer', 'entropy'],
              ...surest.map(({ file, answer, entropy }) => [file, answer, entropy.toPrecision(2)]),
            ],
            [2],
          ),
        ]),
    "<p>How well a score of the first exit separates test images from these (area under the ROC curve; 0.5: not at all), and the share of these images' early exits that would pass a second threshold which 95 % of the test images' early exits pass:</p>",
    htmlTable(
      'Scores',
      [
        ['score', 'area', 'area among early exits', 'would pass'],
        ...scores.map(({ score, area: all, areaAmongEarly, unknownPassing }) => [
          score,
          area(all),
          area(areaAmongEarly),
          share(unknownPassing),
        ]),
      ],
      [1, 2, 3],
    ),
  ].join('\n');
}
