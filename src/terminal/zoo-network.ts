import { existsSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { catalogEntry } from '../datasets/catalog.js';
import type { JointNetwork } from '../network/layers.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { NETWORK_OPTIONS } from '../run/options.js';
import { networkOf, openRun } from '../run/run-directory.js';
import { configFlags, givenConfig } from './config-flags.js';
import { numberFlag } from './number-flag.js';

/** Flags that say which network of the zoo a command is about, before any training. */
export const zooFlags = {
  dataset: Flags.string({ summary: 'Data set whose images a network is for.', default: DEFAULT_CONFIG.dataset }),
  image: Flags.string({ summary: 'Images a network is for, instead of a data set: HEIGHTxWIDTHxCHANNELS.' }),
  classes: numberFlag('Number of classes. [default: those of the data set]'),
  ...configFlags(NETWORK_OPTIONS),
};

/** What of them is given; more flags may stand beside. */
export interface ZooFlags {
  readonly dataset: string;
  readonly image?: string;
  readonly classes?: number;
}

/** A network, and the options that it follows from. */
export interface Described {
  readonly network: JointNetwork;
  readonly config: Config;
}

/** The network of a run directory, or of the zoo. @throws UserError where there is neither, or the flags don't fit it */
export function openNetwork(what: string, flags: ZooFlags): Described {
  if (existsSync(what)) return openRun(what);
  const { dataset, image, classes } = flags;
  const { shape, labels } = dataset === 'imagenet' ? IMAGENET : catalogEntry(dataset);
  const input = image === undefined ? shape : imageShape(image);
  // The number of classes here is the network's, and no choice of a folder's classes.
  const { classes: _, ...given } = givenConfig({ ...flags });
  const config = resolveConfig(given, { network: what, dataset });
  return { network: networkOf(config, input, classes ?? labels.length), config };
}

/** What a network for all of ImageNet is given, and tells apart. */
const IMAGENET = { shape: [224, 224, 3] as const, labels: { length: 1000 } };

function imageShape(text: string): JointNetwork['input'] {
  const [, ...sizes] = /^([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (sizes.length === 0) throw new UserError(`image: expected HEIGHTxWIDTHxCHANNELS, as 224x224x3, found ${text}`);
  const [height, width, channels] = sizes.map(Number);
  return [height, width, channels];
}
