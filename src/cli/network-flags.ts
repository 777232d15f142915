import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import type { JointNetwork } from '../network/layers.js';
import { type Config, DEFAULT_CONFIG } from '../run/config.js';
import { NETWORK_OPTIONS, type OptionName } from '../run/options.js';
import { configFlags, givenConfig } from './config-flags.js';
import { numberFlag } from './number-flag.js';

/** Flags that describe a network before any training. */
export const networkFlags = {
  dataset: Flags.string({ summary: `Data set whose images the network is for. [default: ${DEFAULT_CONFIG.dataset}]` }),
  image: Flags.string({ summary: 'Shape of the images, instead of a data set: HEIGHTxWIDTHxCHANNELS.' }),
  classes: numberFlag('Number of classes. [default: those of the data set]'),
  ...configFlags(NETWORK_OPTIONS),
};

/** Options of the training that a command may offer as flags beside those of the network. */
export const TRAINING_OPTIONS = ['epochs', 'seed', 'engine'] as const satisfies readonly OptionName[];

interface GivenNetworkFlags {
  readonly dataset?: string;
  readonly image?: string;
  readonly classes?: number;
}

/** The values of those flags as plain options. @throws UserError if the image shape isn't HEIGHTxWIDTHxCHANNELS */
export function networkOptions(flags: GivenNetworkFlags) {
  const options = givenConfig({ ...flags });
  // Other flags of a command may share a name with an option and mean something else.
  const names = [...NETWORK_OPTIONS, ...TRAINING_OPTIONS];
  return {
    dataset: flags.dataset,
    image: flags.image === undefined ? undefined : imageShape(flags.image),
    classes: flags.classes,
    options: Object.fromEntries(names.map((name) => [name, options[name]])) as Partial<Config>,
  };
}

function imageShape(text: string): JointNetwork['input'] {
  const [, ...sizes] = /^([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (sizes.length === 0) throw new UserError(`--image: expected HEIGHTxWIDTHxCHANNELS, as 224x224x3, found ${text}`);
  const [height, width, channels] = sizes.map(Number);
  return [height, width, channels];
}
