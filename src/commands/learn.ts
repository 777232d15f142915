import { basename, join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { countTrainingImages } from '../api/new-run.js';
import type { PipelineOptions, PipelineResult } from '../api/pipeline/pipeline.js';
import { percent, wholeNumber } from '../base/format.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { numberFlag } from '../cli/number-flag.js';
import { shellQuoted } from '../run/command-line.js';
import { DEFAULT_CONFIG } from '../run/config.js';
import { samplesToProve } from '../tau/binomial.js';
import { PipelineCommand } from './base-pipeline.js';

/** Heads that are trained to tune a threshold on photographs that are too few to prove one. */
const FOLDS = 3;
/** Compared with the paper's temperature of 1 in docs/train/training.md. */
const ENTROPY_TEMPERATURE = 0.5;
/** With more photographs than this, half of them are enough for a head, and cross-fitting takes half the time. */
const MANY = 500;

type Images = Parameters<Extract<PipelineOptions['tune'], (images: never) => unknown>>[0];

export default class Learn extends PipelineCommand {
  static override summary = 'From a folder of photographs to a web page: check, train, tune, evaluate, export.';
  static override description =
    'The folder holds a subfolder of photographs for each class. Runs "lcdnn pipeline" with options that suit photographs. ' +
    'Each step is a command of its own and is printed, so that you can repeat it with other options. If you run the same ' +
    'command again, it skips what has not changed and continues an interrupted training. ' +
    'Nothing is downloaded, and no photograph leaves this machine. docs/train/photos.md walks through it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> photos/',
    '<%= config.bin %> <%= command.id %> photos/ --out flowers --seed 2',
  ];
  static override args = {
    photos: Args.directory({
      description: 'Folder with a subfolder per class.',
      required: true,
      exists: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    out: Flags.string({
      summary: 'Folder for the run and the page. [default: learned/ and the name of the photo folder]',
    }),
    seed: Flags.integer({ summary: 'Seed of all randomness.', default: 1, min: 0 }),
    epsilon: numberFlag(
      'Share of photographs that may exit early with a wrong answer the full network would have avoided. [default: 0.01]',
    ),
    delta: numberFlag('Probability that the share may exceed epsilon. [default: 0.1]'),
  };

  async run(): Promise<PipelineResult> {
    const { args, flags } = await this.parse(Learn);
    const { seed, epsilon = 0.01, delta = 0.1 } = flags;
    const out = flags.out ?? join('learned', basename(resolve(args.photos)));
    const bundle = join(out, 'page');
    const needed = samplesToProve(epsilon, delta);
    // Too few to prove anything with a part of them: all are trained on, and cross-fitting estimates.
    const isFew = DEFAULT_CONFIG.validation * countTrainingImages(args.photos) < needed;
    const steps = await this.configuredSteps();
    const configured = withoutUndefined({ ...steps.train?.options });
    let advice: string | undefined;
    const result = await this.runSteps(
      `Photographs ${args.photos}`,
      {
        ...{ ...steps, out, bundle },
        train: {
          ...steps.train,
          options: { ...(isFew ? { validation: 0 } : {}), ...configured, dataset: 'folder', seed },
          recipe: 'photos',
          dataDir: args.photos,
        },
        export: { name: modelName(args.photos), ...steps.export },
        tune: (images) => {
          const crossFits = images.validation < needed;
          advice = crossFits ? whatMoreWouldBuy(images, needed, epsilon, delta) : undefined;
          const limits = { objective: 'risk' as const, epsilon, delta };
          return {
            entropyTemperature: ENTROPY_TEMPERATURE,
            ...withoutUndefined(steps.tune),
            ...limits,
            ...(crossFits ? { crossFit: foldsFor(images) } : {}),
          };
        },
      },
      {},
      ({ step, state }) => {
        if (step === 'tune' && state === 'done' && advice !== undefined) this.log(advice);
      },
    );
    if (result.bundle !== undefined) {
      this.log(
        `\nNow run this, and open the address that it prints:\n  ${this.config.bin} serve ${shellQuoted(bundle)}`,
      );
    }
    return result;
  }
}

const foldsFor = ({ train, validation }: Images): number => (train + validation > MANY ? 2 : FOLDS);

/** The name of a folder as the name of a model: "My photos" is `my-photos`. Undefined if nothing of it can be used. */
function modelName(folder: string): string | undefined {
  const words = basename(resolve(folder))
    .normalize('NFKD')
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  return words?.join('-').slice(0, 63).replace(/-$/, '');
}

/** What a validation split would prove, and how many photographs would prove epsilon. */
function whatMoreWouldBuy({ train, validation }: Images, needed: number, epsilon: number, delta: number): string {
  const all = train + validation;
  const kept = validation > 0 ? validation : Math.max(1, Math.round(DEFAULT_CONFIG.validation * all));
  return (
    `${wholeNumber(kept)} of ${wholeNumber(all)} photographs${validation > 0 ? '' : ', kept for validation,'} could prove at ` +
    `most that ${percent(1 - delta ** (1 / kept))} of all photographs exit early wrongly (confidence ${percent(1 - delta)}). ` +
    `So ${validation > 0 ? '' : 'all were trained on, and '}the threshold above is an estimate from all of them. Proving ` +
    `${percent(epsilon)} takes ${wholeNumber(needed)} for validation: about ` +
    `${wholeNumber(Math.ceil((all * needed) / kept))} photographs besides those for testing.`
  );
}
