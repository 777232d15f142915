import { Args, Flags } from '@oclif/core';
import { UserError } from '../../base/errors.js';
import { catalogEntries, catalogEntry } from '../../datasets/catalog.js';
import { findDataset, notInDataDir } from '../../datasets/locations.js';
import { verifyFiles } from '../../datasets/verify.js';
import { LcdnnCommand } from '../base-command.js';

export default class DataVerify extends LcdnnCommand {
  static override summary = "Compare the SHA-256 of a data set's files, unpacked, with the catalogue.";
  static override description = 'Without a name, verifies every data set on this machine.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> mnist',
    '<%= config.bin %> <%= command.id %> mnist --data-dir ./data --json',
  ];
  static override args = {
    name: Args.string({ description: 'Data set; "lcdnn data list" shows all.', ignoreStdin: true }),
  };
  static override flags = {
    'data-dir': Flags.string({ summary: 'Search only this folder.' }),
  };

  async run() {
    const { args, flags } = await this.parse(DataVerify);
    const dataDir = flags['data-dir'];
    const entries = args.name === undefined ? catalogEntries() : [catalogEntry(args.name)];
    const verified: { name: string; file: string }[] = [];
    const faults: string[] = [];
    for (const entry of entries) {
      const location = await findDataset(entry, { dataDir });
      if (!location && args.name === undefined) continue;
      if (!location && dataDir !== undefined) throw notInDataDir(entry, dataDir);
      if (!location) throw new UserError(`${entry.name} is not here; \`lcdnn data fetch ${entry.name}\` downloads it`);
      for (const { path, fault } of await verifyFiles(entry, location)) {
        if (fault !== undefined) faults.push(fault);
        else verified.push({ name: entry.name, file: path });
        this.log(`${fault === undefined ? 'right' : 'WRONG'}  ${entry.name}  ${path}`);
      }
    }
    if (faults.length > 0) throw new UserError(faults[0] + more(faults.length - 1));
    if (verified.length === 0) throw new UserError(`${dataDir}: expected the files of a data set, found none`);
    return { verified };
  }
}

function more(faults: number): string {
  return faults > 0 ? ` (and ${faults} more)` : '';
}
