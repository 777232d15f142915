import type { DataReport } from '../../datasets/inspect/report.js';
import type { Gate } from '../../gates/gate.js';
import type { Tested } from '../../run/results.js';
import type { AnswerComparison } from '../compare-answers.js';
import type { ExportResult } from '../export-web.js';
import type { TrainResult } from '../train.js';
import type { TunedRun } from '../tune-tau.js';
import { openPipelineState, type PipelineStep } from './pipeline-state.js';

/** `skipped`: the step's inputs and output are as they were when it was done. `failed`: a gate of the step failed. */
export type StepState = 'done' | 'skipped' | 'failed';

/** What each step found or made. */
interface StepResults {
  readonly check: DataReport;
  readonly train: TrainResult;
  readonly tune: TunedRun;
  readonly evaluate: Tested;
  /** Null without a baseline. */
  readonly gates: AnswerComparison | null;
  readonly export: ExportResult;
}

/** Folders that the steps write. */
interface StepFolders {
  readonly run: string;
  readonly bundle: string;
}

/** A step that ended, with its result if it was done now. */
export type EndedStep = {
  [Step in PipelineStep]: { readonly step: Step; readonly state: StepState; readonly result?: StepResults[Step] };
}[PipelineStep] &
  StepFolders;

/** What a caller can follow of a pipeline. */
export interface StepEvents {
  /** Called before a step, with the command that does the same, quoted for a shell: `evaluate build/runs/0123`. */
  readonly onStepStart?: (step: PipelineStep, command: string) => void;
  /** Called after a step, with its state and its result. */
  readonly onStepEnd?: (ended: EndedStep) => void;
}

interface StepWork<Result, Recorded> {
  /** The command that does the same; undefined if there is nothing to do. */
  readonly command?: string;
  /** A hash of everything that the step depends on. */
  readonly inputs: string;
  /** The file that it writes. */
  readonly output?: string;
  /** Whether what it wrote besides that file is still whole. */
  readonly isWhole?: () => boolean;
  readonly work: () => Promise<Result>;
  /** What is kept of the result; undefined if the step was interrupted, and is done again. */
  readonly record: (result: Result) => Recorded | undefined;
}

export interface StepRunner {
  readonly steps: Readonly<Partial<Record<PipelineStep, StepState>>>;
  readonly gates: readonly Gate[];
  /** Does a step unless it was done with the same inputs. @returns what is kept of its result; undefined if interrupted */
  run<Step extends PipelineStep, Recorded>(
    step: Step,
    work: StepWork<StepResults[Step], Recorded>,
  ): Promise<Recorded | undefined>;
  /** Adds the gates of a step. @returns whether they passed */
  requireGates(step: PipelineStep, found: readonly Gate[]): boolean;
}

/** Runs the steps of the pipeline in `folder`, and remembers them there. */
export function createStepRunner(
  folder: string,
  { onStepStart, onStepEnd, ...folders }: StepEvents & StepFolders,
): StepRunner {
  const state = openPipelineState(folder);
  const steps: Partial<Record<PipelineStep, StepState>> = {};
  const gates: Gate[] = [];
  const end = (step: PipelineStep, ended: StepState, result?: unknown): void => {
    steps[step] = ended;
    onStepEnd?.({ step, state: ended, result, ...folders } as EndedStep);
  };
  return {
    steps,
    gates,
    async run(step, { command, inputs, output, isWhole = () => true, work, record }) {
      if (command !== undefined) onStepStart?.(step, command);
      const before = state.completed(step, inputs, output);
      if (before && isWhole()) {
        end(step, 'skipped');
        return before.result as NonNullable<ReturnType<typeof record>>;
      }
      const result = await work();
      const recorded = record(result);
      if (recorded === undefined) return undefined;
      state.record(step, inputs, { output, result: recorded });
      end(step, 'done', result);
      return recorded;
    },
    requireGates(step, found) {
      gates.push(...found);
      const passed = found.every((gate) => gate.passed);
      if (!passed) end(step, 'failed');
      return passed;
    },
  };
}
