import { Args } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { table } from '../base/format.js';
import { type ConfigDefault, configDefaults, type KnownFlags } from '../cli/config-defaults.js';
import { readConfigFile } from '../cli/config-file.js';
import { LcdnnCommand } from './base-command.js';

/** A flag of a command with its default. */
interface ShownFlag {
  readonly flag: string;
  readonly value?: unknown;
  /** Section of the config file, "default" for lcdnn's own, absent if the flag has none. */
  readonly from?: string;
}

export default class ConfigCommand extends LcdnnCommand {
  static override summary = 'Show the config file that applies here, and the flags that a command gets from it.';
  static override description =
    'lcdnn.config.json, .yaml or .mjs is looked for in this folder and in the folders above it. It has a section of flags ' +
    'for each command, as "train" or "data check", and one for all. Flags on the command line override it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> train',
    '<%= config.bin %> <%= command.id %> "data check" --json',
  ];
  static override args = {
    command: Args.string({ description: 'Command to show, with the defaults of its flags.', ignoreStdin: true }),
  };

  async run(): Promise<unknown> {
    const { args } = await this.parse(ConfigCommand);
    const file = await readConfigFile();
    const ids = this.config.commandIDs.map((id) => id.replaceAll(':', ' ')).sort();
    if (args.command !== undefined && !ids.includes(args.command)) {
      throw new UserError(`expected a command, found "${args.command}"; "lcdnn --help" lists them`);
    }
    this.log(file ? file.path : 'no lcdnn.config.json, .yaml or .mjs in this folder or above it');
    const found = ids
      .filter((id) => args.command === undefined || id === args.command)
      .map((id) => {
        const flags = this.config.findCommand(id.replaceAll(' ', ':'), { must: true }).flags as KnownFlags;
        const defaults = file ? configDefaults(file, id, flags) : [];
        return [id, args.command === undefined ? defaults.map(shown) : allFlags(flags, defaults)] as const;
      })
      .filter(([, flags]) => flags.length > 0);
    const rows = found.flatMap(([id, flags]) =>
      flags.map(({ flag, value, from }) => [id, `--${flag}`, text(value), from ?? '']),
    );
    if (rows.length > 0) this.log(table([['command', 'flag', 'value', 'from'], ...rows]));
    return { file: file?.path ?? null, commands: Object.fromEntries(found) };
  }
}

const shown = ({ flag, value, section }: ConfigDefault): ShownFlag => ({ flag, value, from: section });

/** Every flag, with the config file's default or lcdnn's own. */
function allFlags(flags: KnownFlags, defaults: readonly ConfigDefault[]): ShownFlag[] {
  return Object.entries(flags).map(([flag, known]) => {
    const configured = defaults.find((candidate) => candidate.flag === flag);
    if (configured) return shown(configured);
    const { default: own, summary = '' } = known as { default?: unknown; summary?: string };
    // Most options of a run have no default of oclif, so that a recipe's value isn't overridden; their help has it.
    const value = own ?? /\[default: ([^\]]+)\]/.exec(summary)?.[1];
    return value === undefined ? { flag } : { flag, value, from: 'default' };
  });
}

const text = (value: unknown): string =>
  value === undefined ? '' : Array.isArray(value) ? value.join(',') : String(value);
