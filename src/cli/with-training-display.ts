import { type DataProgress, withDataProgress } from './data-progress.js';
import { dataSummary } from './data-report.js';
import { type Interruption, interruptible } from './interruption.js';
import { createTrainingDisplay, type TrainingDisplay } from './training-display.js';

/** The parts of a command that are used here. */
interface ShownCommand {
  jsonEnabled(): boolean;
  exit(code: number): never;
}

/** Callbacks that show a training, and the signal that interrupts it. */
export type TrainingShown = Omit<TrainingDisplay, 'stop'> &
  Pick<DataProgress, 'onProgress' | 'onNote'> &
  Pick<Interruption, 'signal'> & {
    /** Called with a report on the images of a folder, before a new run is created. */
    readonly onData: (report: Parameters<typeof dataSummary>[0]) => void;
    readonly onEnd: () => void;
  };

/**
 * Runs `work` with a display of its training on stderr. Ctrl-C and SIGTERM abort the signal once training has begun;
 * after `work`, the command then exits with 130 or 143. Before training begins they end the process at once, because there
 * is nothing to save.
 */
export function withTrainingDisplay<Result>(
  command: ShownCommand,
  work: (shown: TrainingShown) => Promise<Result>,
): Promise<Result> {
  let display: TrainingDisplay | undefined;
  return interruptible(command, ({ signal, listen }) =>
    withDataProgress(({ onProgress, onNote, stop }) =>
      work({
        onProgress,
        signal,
        onData: (report) => {
          for (const line of dataSummary(report)) onNote(line);
        },
        onStart(start) {
          stop();
          listen();
          display = createTrainingDisplay(command.jsonEnabled());
          display.onStart(start);
        },
        onNote: (text) => (display ? display.onNote(text) : onNote(text)),
        onViews: (...views) => display?.onViews(...views),
        onStep: (report) => display?.onStep(report),
        onEpoch: (metrics) => display?.onEpoch(metrics),
        onEnd: () => display?.stop(),
      }),
    ),
  );
}
