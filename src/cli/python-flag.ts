import { Flags } from '@oclif/core';

export const pythonFlag = Flags.string({
  summary: 'Python with torch, numpy and safetensors, for engine pytorch. [default: looked for on the PATH]',
  helpGroup: 'PYTORCH',
});
