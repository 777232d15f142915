import { Flags } from '@oclif/core';
import { DEFAULT_CONFIG } from '../run/config.js';
import { numberFlag } from './number-flag.js';

/** What shapes a network of the zoo: the same for `train` and for `inspect`, which prices it before any training. */
export const networkFlags = {
  width: numberFlag(`Factor on the filters and hidden units of every layer. [default: ${DEFAULT_CONFIG.width}]`, {
    helpGroup: 'NETWORK',
  }),
  attach: Flags.string({
    summary: `Layer of the full network after which the branch leaves it. [default: ${DEFAULT_CONFIG.attach}]`,
    helpGroup: 'NETWORK',
  }),
  branch: Flags.string({
    summary:
      'Binary layers of the branch: "conv=N,fc=M", or "mirror" for as many as the rest of the full network has. ' +
      `[default: ${DEFAULT_CONFIG.branch}]`,
    helpGroup: 'NETWORK',
  }),
};
