import { Command, Errors } from '@oclif/core';
import { messageOf, UserError } from '../base/errors.js';
import { configDefaults, type KnownFlags, requireKnownSections, withDefaults } from '../cli/config-defaults.js';
import { readConfigFile } from '../cli/config-file.js';

/**
 * Base of all commands: `--json`, defaults from a config file, and one rule for errors. A mistake of the user (a
 * `UserError`, or flags and arguments that oclif refuses) is printed as one line on stderr, with exit code 2. Anything
 * else is a bug: the stack is printed, with exit code 1. With `--json`, stdout has `{ "error": { "message": ... } }`
 * instead of the line.
 */
export abstract class LcdnnCommand extends Command {
  static override enableJsonFlag = true;

  /** Adds the defaults of `lcdnn.config.*`, if there is one, to the flags that are given. */
  protected override async init(): Promise<void> {
    await super.init();
    if (this.id !== undefined)
      this.argv = await this.withConfigDefaults(spoken(this.id), this.ctor.flags ?? {}, this.argv);
  }

  /**
   * Arguments of a command, with the defaults of the config file for flags that they don't contain.
   *
   * @param command with spaces: `bench device`
   */
  protected async withConfigDefaults(command: string, flags: KnownFlags, argv: string[]): Promise<string[]> {
    const file = await readConfigFile();
    if (!file) return argv;
    requireKnownSections(file, this.config.commandIDs.map(spoken));
    return withDefaults(argv, configDefaults(file, command, flags), flags);
  }

  protected override async catch(thrown: unknown): Promise<never> {
    if (thrown instanceof Errors.ExitError) throw thrown; // `this.exit(code)`: not an error
    const mistake = this.mistakeIn(thrown);
    if (this.jsonEnabled()) this.logJson({ error: { message: mistake ?? messageOf(thrown) } });
    if (mistake === undefined) process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    else if (!this.jsonEnabled()) process.stderr.write(`error: ${mistake}\n`);
    return this.exit(mistake === undefined ? 1 : thrown instanceof UserError ? thrown.exitCode : 2);
  }

  /** The line for a mistake that the user can correct; undefined for a bug. */
  private mistakeIn(thrown: unknown): string | undefined {
    // oclif adds a prefix to what a flag's parser throws.
    if (thrown instanceof UserError) return oneLine(thrown.message.replace(/^Parsing --\S+\s+/, ''));
    if (!(thrown instanceof Errors.CLIError)) return undefined;
    const sentence = oneLine(thrown.message.replace(/^The following errors? occurred:\s+/, ''));
    return `${sentence} (see ${this.config.bin} ${this.id?.replaceAll(':', ' ')} --help)`;
  }
}

/** A command as users type it: `bench device`. */
const spoken = (id: string): string => id.replaceAll(':', ' ');

/** A message of oclif in one line, without its hint at --help. */
const oneLine = (message: string): string =>
  message.replace(/\s*See more help with --help$/, '').replace(/:?\s*\n\s*/g, ': ');
