import type { DataProblem } from '../../gates/data-gates.js';
import type { EvaluationLimits } from '../../gates/evaluation-gates.js';
import { flagsFor, shellQuoted } from '../../run/command-line.js';
import type { Config } from '../../run/config.js';
import { DEFAULT_CONFIG } from '../../run/config.js';
import type { ExportOptions } from '../export-web.js';
import type { NewRunOptions } from '../new-run.js';
import type { TrainOptions } from '../train.js';
import type { TuneTauOptions } from '../tune-tau.js';

/** The steps of a pipeline as commands, quoted for a shell and without the program's name. */

type Values = Readonly<Record<string, unknown>>;

/** `data check photos --seed 2` */
export function checkCommand({ options, dataDir }: NewRunOptions, config: Config, failOn: readonly DataProblem[]) {
  const { dataset, validation, seed } = config;
  const isFolder = dataset === 'folder' && dataDir !== undefined;
  const { imageSize, classes } = { ...options };
  return command('data check', isFolder ? dataDir : dataset, {
    dataDir: isFolder ? undefined : dataDir,
    imageSize,
    classes,
    validation: validation === DEFAULT_CONFIG.validation ? undefined : validation,
    seed: seed === DEFAULT_CONFIG.seed ? undefined : seed,
    failOn: failOn.length > 0 ? failOn.join(',') : undefined,
  });
}

/** `train --recipe photos --dataset folder --data-dir photos --out RUN` */
export const newRunCommand = ({ recipe, preprocessing, options, dataDir, budget }: TrainOptions, run: string): string =>
  ['train', flagText({ recipe, preprocessing }), flagsFor({ ...options, dataDir }), flagText({ budget, out: run })]
    .filter(Boolean)
    .join(' ');

/** `train --resume RUN` */
export const resumeCommand = (run: string): string => `train ${flagText({ resume: run })}`;

/** `tune-tau RUN --objective risk` */
export const tuneCommand = (run: string, options: TuneTauOptions): string => command('tune-tau', run, { ...options });

/** `evaluate RUN --min-accuracy both=0.9` */
export function evaluateCommand(run: string, limits: EvaluationLimits = {}, against?: string): string {
  const named = (shares: Values = {}): string[] => Object.entries(shares).map(([name, share]) => `${name}=${share}`);
  const { minAccuracy, minExits, maxHarm, maxDrop, confident } = limits;
  return command('evaluate', run, {
    ...{ minAccuracy: named(minAccuracy), minExits, maxHarm, against },
    ...{ maxDrop: named(maxDrop), confident },
  });
}

/** `export RUN --target web --out BUNDLE` */
export const exportCommand = (run: string, options: ExportOptions & { readonly maxBytes?: number }): string => {
  const { out, ...rest } = options;
  return command('export', run, { target: 'web', out, ...rest });
};

const command = (name: string, argument: string, flags: Values): string =>
  [name, shellQuoted(argument), flagText(flags)].filter(Boolean).join(' ');

/** Options as flags: `crossFit: 5` is `--cross-fit 5`. A list repeats its flag. */
const flagText = (values: Values): string =>
  Object.entries(values)
    .flatMap(([name, value]) => [value].flat().map((one) => [flagNamed(name), one] as const))
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([flag, value]) => (value === true ? flag : `${flag} ${shellQuoted(String(value))}`))
    .join(' ');

const flagNamed = (option: string): string => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
