import ora from 'ora';
import type { Progress } from '../datasets/fetch.js';

/** Callbacks that show how a data set is downloaded, checked and read. */
export interface DataProgress {
  readonly onProgress: (progress: Progress) => void;
  /** Prints a line that stays. */
  readonly onNote: (line: string) => void;
  /** Clears the progress line. */
  readonly stop: () => void;
}

/** Shows progress in one line of stderr that is rewritten on a terminal, and nowhere else. Notes are always printed. */
export function showDataProgress(): DataProgress {
  // On a pseudo-terminal without a size (0 columns) ora would clear lines forever.
  const spinner = process.stderr.isTTY && process.stderr.columns ? ora({ stream: process.stderr }) : undefined;
  const stop = (): void => void spinner?.stop();
  return {
    onProgress: ({ file, received, total, unit }) => {
      if (!spinner) return;
      if (received >= total) return stop();
      spinner.text =
        unit === 'images'
          ? `${file}: ${received} of ${total} images checked`
          : `${file}: ${megabytes(received)} of ${megabytes(total)} MB`;
      if (!spinner.isSpinning) spinner.start();
    },
    onNote: (line) => {
      stop();
      process.stderr.write(`${line}\n`);
    },
    stop,
  };
}

/** Runs `work` with data progress on stderr, and clears the progress line at the end. */
export async function withDataProgress<Result>(work: (shown: DataProgress) => Promise<Result>): Promise<Result> {
  const shown = showDataProgress();
  try {
    return await work(shown);
  } finally {
    shown.stop();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
