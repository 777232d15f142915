import { table, wholeNumber } from '../base/format.js';
import type { DataReport } from '../datasets/inspect/report.js';

/** Classes that are listed; of more, the smallest. */
const LISTED = 30;

/** A report on a data set for people. */
export function dataReportText(report: DataReport): string {
  const { images, classes, sizes, broken, ignored, advice } = report;
  const system = ignored.find(({ reason }) => reason === 'system files')?.count ?? 0;
  const lines = [
    `${report.folder ?? report.dataset}${report.layout === undefined ? '' : ` (${report.layout})`}: ` +
      `${wholeNumber(images.train)} images to train on, ${wholeNumber(images.validation)} for validation, ` +
      `${wholeNumber(images.test)} for testing, ${classes.length} classes`,
    classTable(report),
    ...(sizes
      ? [`sizes: ${size(sizes.smallest)} (smallest), ${size(sizes.median)} (median), ${size(sizes.largest)} (largest)`]
      : []),
    ...(report.folder === undefined
      ? []
      : [`broken images: ${broken.length}; ignored files: ${ignoredCount(report)}, and ${system} system files`]),
    copiesLine(report),
  ];
  const warnings = advice.map(({ text }) => `- ${text}`);
  return [...lines, advice.length === 0 ? 'nothing to improve' : `to improve:\n${warnings.join('\n')}`].join('\n');
}

/** The report in a few lines, as training prints it first. */
export function dataSummary({ images, classes, advice }: DataReport): string[] {
  const counts = classes.map(({ train }) => train);
  const each =
    Math.min(...counts) === Math.max(...counts) ? `${counts[0]}` : `${Math.min(...counts)} to ${Math.max(...counts)}`;
  return [
    `data: ${wholeNumber(images.train)} images to train on (${each} of each of ${classes.length} classes), ` +
      `${wholeNumber(images.validation)} for validation, ${wholeNumber(images.test)} for testing`,
    ...advice.map(({ text }) => `  ${text}`),
  ];
}

function classTable({ classes }: DataReport): string {
  const listed = classes.length <= LISTED ? classes : [...classes].sort((a, b) => a.train - b.train).slice(0, LISTED);
  const rows = listed.map(({ name, train, validation, test }) => [name, `${train}`, `${validation}`, `${test}`]);
  const more = classes.length - listed.length;
  const text = table([['class', 'train', 'validation', 'test'], ...rows], [1, 2, 3]);
  return more === 0 ? text : `${text}\nand ${more} classes with more images`;
}

function copiesLine({ copies }: DataReport): string {
  const exact = copies.filter((pair) => pair.exact).length;
  return `copies: ${exact} pairs of images with the same content, ${copies.length - exact} that look alike`;
}

const ignoredCount = ({ ignored }: DataReport): number =>
  ignored.filter(({ reason }) => reason !== 'system files').reduce((sum, { count }) => sum + count, 0);

const size = ([width, height]: readonly [number, number]): string => `${width}x${height}`;
