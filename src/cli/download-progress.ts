import ora from 'ora';
import type { Progress } from '../datasets/fetch.js';

/** What shows a download, or a check, to a person: a line on a terminal that is rewritten, nothing elsewhere. */
export interface ProgressLine {
  readonly onProgress: (progress: Progress) => void;
  /** Clears the line. */
  readonly stop: () => void;
}

/** A progress line on stderr. */
export function progressLine(): ProgressLine {
  // A pseudo-terminal that nobody gave a size has 0 columns: ora would clear infinitely many lines.
  if (!process.stderr.isTTY || !process.stderr.columns) return { onProgress: () => {}, stop: () => {} };
  const spinner = ora({ stream: process.stderr });
  return {
    onProgress: ({ file, received, total, unit }) => {
      spinner.text =
        unit === 'images'
          ? `${file}: ${received} of ${total} images checked`
          : `${file}: ${megabytes(received)} of ${megabytes(total)} MB`;
      if (!spinner.isSpinning) spinner.start();
    },
    stop: () => {
      spinner.stop();
    },
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
