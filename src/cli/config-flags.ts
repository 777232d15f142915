import { Flags } from '@oclif/core';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { networkNames } from '../network/zoo/index.js';
import type { Config } from '../run/config.js';
import { flagOf, OPTIONS, type OptionName, optionNames } from '../run/options.js';
import { engineNames } from '../train/engines/index.js';
import { numberFlag } from './number-flag.js';

/** Choices that the table of options doesn't know, because other modules implement them. */
const CHOICES: Partial<Record<OptionName, readonly string[]>> = { network: networkNames, engine: engineNames };

/**
 * The flags for these options of a run, or for all of them.
 *
 * @param byDefault shown as the default, instead of the option's own
 */
export function configFlags(
  names: readonly OptionName[] = optionNames,
  byDefault?: string,
): Record<string, ReturnType<typeof flagFor>> {
  return Object.fromEntries(names.map((name) => [flagOf(name), flagFor(name, byDefault)]));
}

/** The values of those flags, by the names of the options. */
export function givenConfig(flags: Readonly<Record<string, unknown>>): Partial<Config> {
  return Object.fromEntries(optionNames.map((name) => [name, flags[flagOf(name)]]));
}

function flagFor(name: OptionName, shownDefault?: string) {
  const { schema, summary: text, group, char } = OPTIONS[name] as (typeof OPTIONS)['epochs'];
  const { byDefault } = OPTIONS[name] as { byDefault?: unknown };
  const whole: z.ZodType = schema;
  const type = whole instanceof z.ZodOptional ? whole.unwrap() : whole;
  const shown = shownDefault ?? (typeof byDefault === 'boolean' ? (byDefault ? 'on' : 'off') : byDefault);
  // A shown default replaces the one that the option's own summary explains.
  const explained = shownDefault === undefined ? text : text.replace(/ \[default: .*\]$/, '');
  const choices = CHOICES[name] ? `${explained.replace(/\.$/, '')}: ${CHOICES[name].join(', ')}.` : explained;
  const summary = shown === undefined ? choices : `${choices} [default: ${shown}]`;
  const helpGroup = group;
  if (type instanceof z.ZodBoolean) return Flags.boolean({ summary, helpGroup, allowNo: true });
  if (type instanceof z.ZodEnum) return Flags.option({ summary, helpGroup, options: type.options as string[] })();
  if (type instanceof z.ZodNumber) return numberFlag(summary, { helpGroup, char });
  if (type instanceof z.ZodArray) return numbersFlag(summary, helpGroup);
  return Flags.string({ summary, helpGroup });
}

/** A flag for numbers with commas between them. */
const numbersFlag = (summary: string, helpGroup: string | undefined) =>
  Flags.custom<number[]>({
    summary,
    helpGroup,
    parse: async (input, _context, { name }) => {
      const numbers = input.split(',').map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
      if (numbers.every(Number.isFinite)) return numbers;
      throw new UserError(`--${name}: expected numbers with commas between them, as 0.5,0.5,0.5, found ${input}`);
    },
  })();
