import { Flags } from '@oclif/core';

/** Flags of commands that open the data of a run. */
export const dataFlags = {
  'data-dir': Flags.directory({ summary: 'Folder with the files of the data set.' }),
  'accept-changed-data': Flags.boolean({
    summary: 'Continue if image files were changed, added or removed since training. Class names must be the same.',
  }),
};

/** The values of those flags as plain options. */
export const dataOptions = (flags: { readonly 'data-dir'?: string; readonly 'accept-changed-data'?: boolean }) => ({
  dataDir: flags['data-dir'],
  acceptChangedData: flags['accept-changed-data'],
});
