import ora from 'ora';
import { exitsOf, type WithExits } from '../base/exits.js';
import { duration, percent, wholeNumber } from '../base/format.js';
import type { TrainingProgress } from '../run/checkpoint.js';
import { dataTitle } from '../run/config.js';
import type { EpochMetrics, Run } from '../run/run-directory.js';
import { shownAccuracies } from '../run/shown-accuracies.js';
import { currentStage } from '../run/stages.js';
import type { OnViews } from '../train/frozen/compute-features.js';
import type { BranchReport, StepReport } from '../train/reports.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { warmStartLines } from './warm-start-lines.js';

/** Callbacks that show a training. */
export interface TrainingDisplay {
  onStart(start: { readonly run: Run; readonly resumedFrom?: TrainingProgress; readonly warmStart?: WarmStart }): void;
  onNote(text: string): void;
  onViews: OnViews;
  onStep(report: StepReport): void;
  onEpoch(metrics: EpochMetrics): void;
  stop(): void;
}

const REDRAW_MS = 100;
/** In a log: an epoch can take hours. */
const LOG_MS = 300_000;
const LOG_VIEWS_MS = 30_000;
/** A smaller share of time spent waiting for images isn't shown. */
const SHOWN_LOADING = 0.05;
/** Weight of the latest step in the smoothed time per step. */
const SMOOTHING = 0.05;

type Shown = Pick<StepReport, 'fullLoss' | 'fullAccuracy'> & WithExits<BranchReport>;

/** "0.123 + 0.456": the loss of the full branch and of each binary branch. */
function losses(shown: Shown, digits: number): string {
  const branches = exitsOf<BranchReport>(shown).map(({ branchLoss }) => branchLoss);
  return [shown.fullLoss, ...branches].map((loss) => loss.toFixed(digits)).join(' + ');
}

/** "99.00 % full, 98.00 % branch". */
function accuracies(shown: Shown): string {
  const branches = exitsOf<BranchReport>(shown).map(({ branchAccuracy }) => percent(branchAccuracy));
  return `${percent(shown.fullAccuracy)} full, ${branches.join(', ')} branch${branches.length > 1 ? 'es' : ''}`;
}

/**
 * Shows training on stderr: a line per epoch. In between, a line with images/s, losses, accuracies and time left is
 * redrawn on a terminal, and printed every five minutes in a log.
 *
 * @param silent shows nothing
 */
export function createTrainingDisplay(silent: boolean): TrainingDisplay {
  // On a pseudo-terminal without a size (0 columns) ora would clear lines forever.
  const live = !silent && process.stderr.isTTY === true && process.stderr.columns > 0 && !process.env.CI;
  const spinner = ora({ stream: process.stderr, isEnabled: live, discardStdin: false, hideCursor: false });
  const print = (line: string): void => {
    if (silent) return;
    if (live) spinner.clear();
    process.stderr.write(`${line}\n`);
  };
  let epochs = 0;
  let msPerStep = 0;
  let lastStep = 0;
  let lastDrawn = 0;

  return {
    onStart({ run: { path, config, network }, resumedFrom, warmStart }) {
      ({ epochs } = config);
      print(
        `${network.name} on ${dataTitle(config)}, ${epochs} epochs, seed ${config.seed}, engine ${config.engine} on ${config.device} -> ${path}`,
      );
      if (resumedFrom) {
        const { epochsBefore = 0 } = currentStage({ config, network }, resumedFrom);
        print(`resumed at epoch ${epochsBefore + resumedFrom.epoch + 1}, step ${resumedFrom.step}`);
      }
      if (warmStart) for (const line of warmStartLines(config.initFrom, warmStart)) print(line);
      if (live) spinner.start('compiling the training step');
      lastStep = lastDrawn = performance.now();
    },
    onNote: print,
    onViews(done, total, layers) {
      const now = performance.now();
      if (done < total && now - lastDrawn < (live ? REDRAW_MS : LOG_VIEWS_MS)) return;
      lastDrawn = now;
      const which = layers === 'shared' ? 'the shared layers' : 'the frozen layers behind them';
      const text = `${which} computed ${wholeNumber(done)} of ${wholeNumber(total)} views`;
      if (live && done < total) spinner.text = text;
      else print(text);
    },
    onStep(report) {
      const now = performance.now();
      const ms = now - lastStep;
      lastStep = now;
      // The first steps include compilation and the evaluation between epochs.
      if (report.step > 1) msPerStep = msPerStep === 0 ? ms : msPerStep + SMOOTHING * (ms - msPerStep);
      if (now - lastDrawn < (live ? REDRAW_MS : LOG_MS) || msPerStep === 0) return;
      lastDrawn = now;
      const stepsLeft = (report.epochs - report.epoch) * report.steps + report.steps - report.step;
      const text = [
        `epoch ${report.epoch}/${report.epochs}, step ${report.step}/${report.steps}`,
        `${wholeNumber((1000 * report.batchSize) / msPerStep)} images/s`,
        `loss ${losses(report, 3)}`,
        `accuracy ${accuracies(report)}`,
        `${duration((stepsLeft * msPerStep) / 1000)} left`,
      ].join('  ');
      if (live) spinner.text = text;
      else print(text);
    },
    onEpoch(metrics) {
      const { loadingShare = 0 } = metrics;
      const width = String(epochs).length;
      const shown = shownAccuracies(metrics);
      print(
        [
          `epoch ${String(metrics.epoch).padStart(width)}/${epochs}`,
          `loss ${losses(shown, 4)}`,
          `${shown.on} ${accuracies(shown)}`,
          `${wholeNumber(metrics.imagesPerSecond)} images/s`,
          ...(loadingShare > SHOWN_LOADING ? [`${percent(loadingShare)} of the time waiting for images`] : []),
        ].join('  '),
      );
      lastDrawn = performance.now();
    },
    stop() {
      spinner.stop();
    },
  };
}
