import type { z } from 'zod';
import { messageOf, UserError } from './errors.js';
import { readFileOrExplain } from './files.js';

/**
 * Reads a JSON file and checks it against a schema. Every JSON file that lcdnn opens goes through here.
 *
 * @param what the expected content, for messages: `a grid file`, `what "lcdnn evaluate" writes`
 * @param advice what the user can do about a wrong file: `run it again`
 * @throws UserError that names the file, what was expected, what was found and where, and the advice
 *
 * @example
 * readJson('test.json', z.object({ accuracy: z.number() }), 'what "lcdnn evaluate" writes', 'run it again');
 * // test.json: expected what "lcdnn evaluate" writes, found "high" at accuracy (expected a number); run it again
 */
export function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  what: string,
  advice?: string,
): z.output<Schema> {
  return parseJson(readFileOrExplain(path, what).toString('utf8'), schema, path, what, advice);
}

/** `readJson` for text that was read elsewhere. @param origin where the text is from, for messages */
export function parseJson<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  origin: string,
  what: string,
  advice?: string,
): z.output<Schema> {
  return checkValue(parseText(text, origin, what, advice), schema, origin, what, advice);
}

/** `readJson` for a value that was parsed elsewhere. @param origin where the value is from, for messages */
export function checkValue<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  origin: string,
  what: string,
  advice?: string,
): z.output<Schema> {
  const checked = schema.safeParse(value, { reportInput: true });
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw mismatch(origin, what, describeIssue(issue), advice);
}

/** What is wrong with a value, in words: `1.2 at collaborative.accuracy (expected a number up to 1)`. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  const at = issue.path.length > 0 ? ` at ${issue.path.join('.')}` : '';
  if (issue.code === 'unrecognized_keys') return `the unknown key ${issue.keys.join(', ')}${at}`;
  return `${shown(issue.input)}${at} (${expectation(issue)})`;
}

/** What the schema expects, in words: `expected a number up to 1`. */
export function expectation(issue: z.core.$ZodRawIssue | z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `expected ${measured(issue.origin)} ${issue.inclusive ? 'from' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `expected ${measured(issue.origin)} ${issue.inclusive ? 'up to' : 'below'} ${issue.maximum}`;
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => String(value)).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'expected another key';
    default:
      return issue.message ?? 'expected another value';
  }
}

/** A value as a message shows it: short, and `nothing` if it is missing. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

const LONGEST_SHOWN = 60;

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
};

const measured = (origin: string): string =>
  ({ array: 'a list of a length', string: 'text of a length' })[origin] ?? 'a number';

function parseText(text: string, origin: string, what: string, advice?: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw mismatch(origin, what, `text that isn't JSON (${oneLine(messageOf(thrown))})`, advice);
  }
}

/** Node quotes the text, line breaks included. */
const oneLine = (message: string): string => message.replaceAll(/\s+/g, ' ');

const mismatch = (origin: string, what: string, found: string, advice?: string): UserError =>
  new UserError(`${origin}: expected ${what}, found ${found}${advice ? `; ${advice}` : ''}`);
