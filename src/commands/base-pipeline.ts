import { type PipelineOptions, type PipelineResult, runPipeline } from '../api/pipeline/pipeline.js';
import type { EndedStep, StepEvents } from '../api/pipeline/step-runner.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { givenConfig } from '../cli/config-flags.js';
import { dataReportText } from '../cli/data-report.js';
import { evaluationText } from '../cli/evaluation-text.js';
import { exportText } from '../cli/export-text.js';
import { reportGates, requireGateFlag, sharesByName } from '../cli/gate-flags.js';
import { pytorchOptions } from '../cli/pytorch-flags.js';
import { tuneOptions } from '../cli/tune-options.js';
import { tunedLines } from '../cli/tuned-lines.js';
import { withTrainingDisplay } from '../cli/with-training-display.js';
import { hasLimits } from '../gates/evaluation-gates.js';
import { openRun } from '../run/run-directory.js';
import { LcdnnCommand } from './base-command.js';
import DataCheck from './data/check.js';
import Evaluate from './evaluate.js';
import Export from './export.js';
import Train from './train.js';
import TuneTau from './tune-tau.js';

type StepOptions = Omit<PipelineOptions, 'out' | 'tune'> & { readonly tune: ReturnType<typeof tuneOptions> };

/** Files for reports on the gates. */
interface ReportFlags {
  readonly junit?: string;
  readonly summary?: string;
}

/** Base of the commands that run all steps from data to bundle: `pipeline`, and `learn` with its defaults. */
export abstract class PipelineCommand extends LcdnnCommand {
  /** The options of the steps in the config file. Each step has a section with its command's name. */
  protected async configuredSteps(): Promise<StepOptions> {
    // Parsing for another command replaces the arguments, which decide on --json.
    const { argv } = this;
    const section = async (command: string, flags: object): Promise<string[]> =>
      this.withConfigDefaults(command, flags as never, []);
    const { flags: check } = await this.parse(DataCheck, [...(await section('data check', DataCheck.flags)), 'DATA']);
    const { flags: train } = await this.parse(Train, await section('train', Train.flags));
    const { flags: tune } = await this.parse(TuneTau, [...(await section('tune-tau', TuneTau.flags)), 'RUN']);
    const { flags: evaluate } = await this.parse(Evaluate, [...(await section('evaluate', Evaluate.flags)), 'RUN']);
    const { flags: exported } = await this.parse(Export, [...(await section('export', Export.flags)), 'RUN']);
    this.argv = argv;
    const { name, uplink, edge, licence, 'licence-file': licenceFile } = exported;
    const { recipe, preprocessing, 'data-dir': dataDir, budget, loaders, mlflow } = train;
    return {
      train: { options: givenConfig({ ...train }), recipe, preprocessing, dataDir, budget },
      loaders,
      mlflow,
      pytorch: pytorchOptions({ ...train, emit: undefined }, 'pytorch'),
      failOn: check['fail-on'],
      tune: tuneOptions(tune),
      limits: {
        minAccuracy: sharesByName(evaluate['min-accuracy']),
        minExits: evaluate['min-exits'],
        maxHarm: evaluate['max-harm'],
        maxDrop: sharesByName(evaluate['max-drop']),
        confident: evaluate.confident,
      },
      against: evaluate.against,
      export: withoutUndefined({ name, uplink, edge, licence, licenceFile }),
      maxBytes: exported['max-bytes'],
    };
  }

  /** Runs the steps, and prints each as the command that it is, with its result. */
  protected async runSteps(
    title: string,
    options: PipelineOptions,
    reports: ReportFlags = {},
    onStepEnd?: StepEvents['onStepEnd'],
  ): Promise<PipelineResult> {
    const { failOn = [], limits = {}, maxBytes } = options;
    requireGateFlag(reports, failOn.length > 0 || maxBytes !== undefined || hasLimits(limits));
    const result = await withTrainingDisplay(this, (shown) =>
      runPipeline({
        ...{ ...options, ...shown },
        onStepStart: (_step, command) => this.log(`\n$ ${this.config.bin} ${command}`),
        onStepEnd: (ended) => {
          for (const line of this.linesAbout(ended)) this.log(line);
          onStepEnd?.(ended);
        },
      }),
    );
    if (result.gates.length > 0) this.log('');
    reportGates(this, title, result.gates, reports);
    return result;
  }

  private linesAbout(ended: EndedStep): string[] {
    if (ended.step === 'gates') return []; // they are printed together at the end
    if (ended.state === 'skipped') return ['skipped: nothing that it depends on has changed'];
    if (ended.result === undefined) return [];
    switch (ended.step) {
      case 'check':
        return [dataReportText(ended.result)];
      case 'tune':
        return tunedLines(ended.result);
      case 'evaluate':
        return [evaluationText(openRun(ended.run), ended.result)];
      case 'export':
        return [exportText(ended.bundle, ended.result)];
      default:
        return [];
    }
  }
}
