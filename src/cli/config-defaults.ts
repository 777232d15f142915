import { dirname, resolve } from 'node:path';
import { UserError } from '../base/errors.js';
import { suggestName } from '../base/suggest-name.js';
import { ALL_COMMANDS, type ConfigFile, type FlagValue } from './config-file.js';

/** What is known about a flag before it is parsed. */
export interface KnownFlag {
  readonly type: 'boolean' | 'option';
  readonly allowNo?: boolean;
  readonly multiple?: boolean;
  readonly char?: string;
  readonly aliases?: readonly string[];
  readonly exclusive?: readonly unknown[];
}

export type KnownFlags = Readonly<Record<string, KnownFlag>>;

/** The default of a flag from a config file. */
export interface ConfigDefault {
  readonly flag: string;
  readonly value: FlagValue;
  /** `all` or the command. */
  readonly section: string;
}

/** Flags with paths: relative ones count from the folder of the config file. */
const PATHS = [
  'out',
  'data-dir',
  'junit',
  'summary',
  'check',
  'against',
  'token-file',
  'licence-file',
  'preprocessing',
];
/** Flags of oclif and flags that make no sense as a default. */
const NEVER = ['help', 'version', 'json', 'resume'];

/**
 * The defaults for a command. Its own section overrides `all`, whose flags count for the commands that have them.
 *
 * @param command with spaces: `bench device`
 * @throws UserError if the command's section names a flag that the command doesn't have
 */
export function configDefaults(file: ConfigFile, command: string, flags: KnownFlags): ConfigDefault[] {
  const known = Object.keys(flags).filter((name) => !NEVER.includes(name));
  const own = file.sections[command] ?? {};
  const unknown = Object.keys(own).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const guess = suggestName(unknown, known);
    const hint = guess ? `did you mean ${guess}?` : `"lcdnn ${command} --help" lists them`;
    throw new UserError(`${file.path}: expected flags of "${command}", found ${unknown}; ${hint}`);
  }
  return [ALL_COMMANDS, command].flatMap((section) =>
    Object.entries(file.sections[section] ?? {})
      .filter(([flag]) => known.includes(flag) && (section === command || !(flag in own)))
      .map(([flag, value]) => ({ flag, value: located(file, flag, value), section })),
  );
}

/** @throws UserError if a section isn't `all` or a command */
export function requireKnownSections({ path, sections }: ConfigFile, commands: readonly string[]): void {
  const unknown = Object.keys(sections).find((section) => section !== ALL_COMMANDS && !commands.includes(section));
  if (unknown === undefined) return;
  const guess = suggestName(unknown, commands);
  const hint = guess ? `; did you mean "${guess}"?` : '';
  throw new UserError(
    `${path}: expected commands, as "train" or "data check", or "${ALL_COMMANDS}", found "${unknown}"${hint}`,
  );
}

/** Arguments with the defaults added. A flag that is given wins, and so does one that excludes the default's flag. */
export function withDefaults(argv: readonly string[], defaults: readonly ConfigDefault[], flags: KnownFlags): string[] {
  const end = argv.indexOf('--');
  const [before, after] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end)];
  const given = Object.keys(flags).filter((name) => isGiven(name, flags[name], before));
  const excludes = (one: string, other: string): boolean =>
    flags[one].exclusive?.some((excluded) => excluded === other || (excluded as { name?: string }).name === other) ??
    false;
  const added = defaults.filter(
    ({ flag }) => !given.some((name) => name === flag || excludes(name, flag) || excludes(flag, name)),
  );
  return [...before, ...added.flatMap(({ flag, value }) => argumentsFor(flag, value, flags[flag])), ...after];
}

function isGiven(name: string, { char, aliases = [] }: KnownFlag, argv: readonly string[]): boolean {
  const long = [name, `no-${name}`, ...aliases].map((spelling) => `--${spelling}`);
  return argv.some(
    (word) =>
      long.some((flag) => word === flag || word.startsWith(`${flag}=`)) ||
      (char !== undefined && word.startsWith(`-${char}`) && !word.startsWith('--')),
  );
}

function argumentsFor(name: string, value: FlagValue, { type, allowNo, multiple }: KnownFlag): string[] {
  if (type === 'boolean') {
    if (typeof value !== 'boolean') {
      throw new UserError(`config file: expected true or false for ${name}, found ${JSON.stringify(value)}`);
    }
    return value ? [`--${name}`] : allowNo ? [`--no-${name}`] : [];
  }
  const values = Array.isArray(value) ? value : [value];
  return multiple ? values.map((one) => `--${name}=${one}`) : [`--${name}=${values.join(',')}`];
}

function located({ path }: ConfigFile, flag: string, value: FlagValue): FlagValue {
  const isPath = PATHS.includes(flag) || (flag === 'recipe' && /[/\\]|\.json$/.test(String(value)));
  return isPath && typeof value === 'string' ? resolve(dirname(path), value) : value;
}
