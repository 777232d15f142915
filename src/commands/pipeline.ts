import { Flags, type Interfaces } from '@oclif/core';
import { type PipelineOptions, type PipelineResult, runPipeline } from '../api/pipeline/pipeline.js';
import { table } from '../base/format.js';
import { configFlags, givenConfig } from '../cli/config-flags.js';
import { reportGates, sharesByName } from '../cli/gate-flags.js';
import { newRunFlags } from '../cli/new-run-flags.js';
import { pythonFlag, pytorchOptions } from '../cli/pytorch-flags.js';
import { tuneOptions } from '../cli/tune-options.js';
import { withTrainingDisplay } from '../cli/with-training-display.js';
import { LcdnnCommand } from './base-command.js';
import DataCheck from './data/check.js';
import Evaluate from './evaluate.js';
import Export from './export.js';
import Train from './train.js';
import TuneTau from './tune-tau.js';

type PipelineFlags = Interfaces.InferredFlags<typeof Pipeline.flags>;

const { 'data-dir': dataDir, preprocessing, recipe } = newRunFlags;
const evaluateFlags = Evaluate.flags;

export default class Pipeline extends LcdnnCommand {
  static override summary =
    'Run every step from data to bundle: check, train, tune, evaluate, gates, export, model card.';
  static override description =
    'Skips a step if its inputs have not changed, and continues an interrupted training. If a gate fails, the pipeline ends ' +
    'with exit code 3 before it writes a bundle. Options of each step are read from its section in ' +
    'lcdnn.config.json, .yaml or .mjs ("data check", train, tune-tau, evaluate, export); flags override them.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out build',
    '<%= config.bin %> <%= command.id %> --out build --data-dir photos --dataset folder --network resnet18 --fail-on leakage',
    '<%= config.bin %> <%= command.id %> --out build --min-accuracy both=0.85 --max-bytes 100KB --junit gates.xml',
  ];
  static override flags = {
    ...configFlags(),
    ...{ 'data-dir': dataDir, preprocessing, recipe },
    out: Flags.string({ summary: 'Folder for the runs, the bundle and the state of the pipeline.', default: 'build' }),
    python: pythonFlag,
    'fail-on': DataCheck.flags['fail-on'],
    'min-accuracy': evaluateFlags['min-accuracy'],
    'min-exits': evaluateFlags['min-exits'],
    'max-harm': evaluateFlags['max-harm'],
    against: evaluateFlags.against,
    'max-drop': evaluateFlags['max-drop'],
    confident: evaluateFlags.confident,
    'max-bytes': Export.flags['max-bytes'],
    junit: evaluateFlags.junit,
    summary: evaluateFlags.summary,
  };

  async run(): Promise<PipelineResult> {
    const { flags } = await this.parse(Pipeline);
    // Parsing for another command replaces the arguments, which decide on --json.
    const { argv } = this;
    const options = await this.optionsOfSteps(flags);
    this.argv = argv;
    const result = await withTrainingDisplay(this, (shown) =>
      runPipeline({
        ...{ ...options, ...shown, out: flags.out },
        onStepEnd: (step, state) => shown.onNote(`${step}: ${state}`),
      }),
    );
    const { run, bundle, version, card, gates } = result;
    const rows = Object.entries({ run, bundle, version, card }).filter(([, value]) => value !== undefined);
    this.log(table(rows.map(([name, value]) => [name, value!])));
    reportGates(this, `Pipeline ${flags.out}`, gates, flags);
    return result;
  }

  /** The sections of the steps in the config file, with this command's own flags over them. */
  private async optionsOfSteps(own: PipelineFlags): Promise<Omit<PipelineOptions, 'out'>> {
    const section = async (command: string, flags: object): Promise<string[]> =>
      this.withConfigDefaults(command, flags as never, []);
    const { flags: check } = await this.parse(DataCheck, [...(await section('data check', DataCheck.flags)), 'DATA']);
    const { flags: train } = await this.parse(Train, await section('train', Train.flags));
    const { flags: tune } = await this.parse(TuneTau, [...(await section('tune-tau', TuneTau.flags)), 'RUN']);
    const { flags: evaluate } = await this.parse(Evaluate, [...(await section('evaluate', Evaluate.flags)), 'RUN']);
    const { flags: exported } = await this.parse(Export, [...(await section('export', Export.flags)), 'RUN']);
    const { name, uplink, edge, licence, 'licence-file': licenceFile } = exported;
    const given = withoutUndefined(givenConfig({ ...own }));
    const options = { ...givenConfig({ ...train }), ...given };
    return {
      train: {
        options,
        recipe: own.recipe ?? train.recipe,
        preprocessing: own.preprocessing ?? train.preprocessing,
        dataDir: own['data-dir'] ?? train['data-dir'],
      },
      pytorch: pytorchOptions({ ...train, emit: undefined, python: own.python ?? train.python }, 'pytorch'),
      failOn: own['fail-on'] ?? check['fail-on'],
      tune: withoutUndefined(tuneOptions(tune)),
      limits: {
        minAccuracy: sharesByName(own['min-accuracy'] ?? evaluate['min-accuracy']),
        minExits: own['min-exits'] ?? evaluate['min-exits'],
        maxHarm: own['max-harm'] ?? evaluate['max-harm'],
        maxDrop: sharesByName(own['max-drop'] ?? evaluate['max-drop']),
        confident: own.confident || evaluate.confident,
      },
      against: own.against ?? evaluate.against,
      export: withoutUndefined({ name, uplink, edge, licence, licenceFile }),
      maxBytes: own['max-bytes'] ?? exported['max-bytes'],
    };
  }
}

const withoutUndefined = <Values extends object>(values: Values): Partial<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>;
