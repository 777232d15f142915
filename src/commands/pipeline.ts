import { Flags } from '@oclif/core';
import type { PipelineResult } from '../api/pipeline/pipeline.js';
import { table } from '../base/format.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { configFlags, givenConfig } from '../cli/config-flags.js';
import { sharesByName } from '../cli/gate-flags.js';
import { newRunFlags } from '../cli/new-run-flags.js';
import { pythonFlag } from '../cli/pytorch-flags.js';
import { PipelineCommand } from './base-pipeline.js';
import DataCheck from './data/check.js';
import Evaluate from './evaluate.js';
import Export from './export.js';

const { 'data-dir': dataDir, preprocessing, recipe } = newRunFlags;
const evaluateFlags = Evaluate.flags;

export default class Pipeline extends PipelineCommand {
  static override summary =
    'Run every step from data to bundle: check, train, tune, evaluate, gates, export, model card.';
  static override description =
    'Prints each step as the command that it is. Skips a step if its inputs have not changed, and continues an interrupted ' +
    'training. If a gate fails, the pipeline ends with exit code 3 before it writes a bundle. Options of each step are read ' +
    'from its section in lcdnn.config.json, .yaml or .mjs ("data check", train, tune-tau, evaluate, export); flags override them.';
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
    const steps = await this.configuredSteps();
    const { train, limits = {} } = steps;
    const result = await this.runSteps(
      `Pipeline ${flags.out}`,
      {
        ...steps,
        out: flags.out,
        train: {
          ...train,
          options: { ...train?.options, ...withoutUndefined(givenConfig({ ...flags })) },
          recipe: flags.recipe ?? train?.recipe,
          preprocessing: flags.preprocessing ?? train?.preprocessing,
          dataDir: flags['data-dir'] ?? train?.dataDir,
        },
        pytorch: { ...steps.pytorch, python: flags.python ?? steps.pytorch?.python },
        failOn: flags['fail-on'] ?? steps.failOn,
        tune: withoutUndefined(steps.tune),
        limits: {
          ...limits,
          ...withoutUndefined({
            minAccuracy: flags['min-accuracy'] && sharesByName(flags['min-accuracy']),
            minExits: flags['min-exits'],
            maxHarm: flags['max-harm'],
            maxDrop: flags['max-drop'] && sharesByName(flags['max-drop']),
          }),
          confident: flags.confident || limits.confident,
        },
        against: flags.against ?? steps.against,
        maxBytes: flags['max-bytes'] ?? steps.maxBytes,
      },
      flags,
    );
    const { run, bundle, version, card } = result;
    const rows = Object.entries({ run, bundle, version, card }).filter(([, value]) => value !== undefined);
    this.log(`\n${table(rows.map(([name, value]) => [name, value!]))}`);
    return result;
  }
}
