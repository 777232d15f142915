import type { Copies, DataReport } from '../datasets/inspect/report.js';
import { checkGate, type Gate } from './gate.js';

const betweenSplits = ({ first, second }: Copies): boolean => first.split !== second.split;
const inTwoClasses = ({ first, second }: Copies): boolean => first.label !== second.label;
const hasAdvice = (kind: DataReport['advice'][number]['kind']) => (report: DataReport) =>
  report.advice.filter((advice) => advice.kind === kind).length;

/** Problems of a data set that a pipeline can refuse, and how many there are of each in a report. */
const COUNTS = {
  /** Pairs of images with the same content or look, in one split and class. */
  duplicates: ({ copies }) => copies.filter((pair) => !betweenSplits(pair) && !inTwoClasses(pair)).length,
  /** Such pairs in different splits. */
  leakage: ({ copies }) => copies.filter(betweenSplits).length,
  /** Such pairs in different classes. */
  conflicts: ({ copies }) => copies.filter(inTwoClasses).length,
  /** Images that can't be decoded. */
  broken: ({ broken }) => broken.length,
  imbalance: hasAdvice('imbalance'),
  'tiny-classes': hasAdvice('tiny class'),
  'few-images': hasAdvice('few images'),
} satisfies Record<string, (report: DataReport) => number>;

export type DataProblem = keyof typeof COUNTS;
export const dataProblems = Object.keys(COUNTS) as DataProblem[];

/** A gate for each problem: it passes if the data set doesn't have the problem. */
export function dataGates(report: DataReport, problems: readonly DataProblem[]): Gate[] {
  return problems.map((name) =>
    checkGate({ name, unit: 'count', bound: 'max', limit: 0, value: COUNTS[name](report) }),
  );
}
