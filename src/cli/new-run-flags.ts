import { Flags } from '@oclif/core';
import { givenConfig } from './config-flags.js';

/** Flags of commands that create a run, beside the options of its config. */
export const newRunFlags = {
  'data-dir': Flags.directory({ summary: 'Folder with the files of the data set. The run remembers it.' }),
  out: Flags.string({ summary: 'Run directory to create. [default: runs/NETWORK-DATASET-SEED]' }),
  preprocessing: Flags.file({
    summary: "Read range, mean and std from timm's config.json or transformers' preprocessor_config.json.",
    exists: true,
  }),
  recipe: Flags.string({
    summary: 'Name of a recipe ("lcdnn recipes" lists them), or a JSON file of options. Flags override it.',
  }),
};

interface GivenNewRunFlags {
  readonly 'data-dir'?: string;
  readonly out?: string;
  readonly recipe?: string;
  readonly preprocessing?: string;
}

/** The values of those flags, and of the options of the config, as plain options. */
export function newRunOptions(flags: GivenNewRunFlags) {
  const { out, recipe, preprocessing, 'data-dir': dataDir } = flags;
  return { out, recipe, preprocessing, dataDir, options: givenConfig({ ...flags }) };
}
