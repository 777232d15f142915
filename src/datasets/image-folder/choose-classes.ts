import { existsSync } from 'node:fs';
import { UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import { decodeText } from '../../base/text.js';

/** Classes to use of an image folder: a number of classes from the first one, or names in the given order. */
export type ChosenClasses = number | readonly string[];

/**
 * Parses `classes` as given by a user: a number, comma-separated names, or the path of a file with one class name per
 * line ("#" starts a comment).
 */
export function readChosenClasses(given: number | string | readonly string[]): ChosenClasses {
  if (typeof given !== 'string') return given;
  if (/^\d+$/.test(given)) return Number(given);
  if (given.includes(',') && !existsSync(given)) return given.split(',').map((name) => name.trim().normalize('NFC'));
  const content = readFileOrExplain(
    given,
    'a list of classes (--classes: a number, names, or a file with a name a line)',
  );
  const lines = decodeText(content, given)
    .split('\n')
    .map((line) => line.trim().normalize('NFC'));
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * The classes that a user chose, in their order.
 *
 * @param available all classes, in order
 * @param folder names the data in errors
 * @throws UserError if a name doesn't exist, or there are fewer classes than the number
 */
export function chooseClasses(
  available: readonly string[],
  chosen: ChosenClasses | undefined,
  folder: string,
): string[] {
  const classes = chosen === undefined ? [...available] : pick(available, chosen, folder);
  if (classes.length < 2 || classes.length > 65_536) {
    throw new UserError(`${folder}: expected 2 to 65,536 classes to tell apart, found ${classes.length}`);
  }
  return classes;
}

function pick(available: readonly string[], chosen: ChosenClasses, folder: string): string[] {
  if (typeof chosen === 'number') {
    if (chosen <= available.length) return available.slice(0, chosen);
    throw new UserError(`${folder}: expected ${chosen} classes or more (--classes), found ${available.length}`);
  }
  const twice = chosen.find((name, i) => chosen.indexOf(name) !== i);
  if (twice !== undefined) throw new UserError(`classes: expected each class once, found ${twice} twice`);
  const existing = new Set(available);
  const absent = chosen.filter((name) => !existing.has(name));
  if (absent.length === 0) return [...chosen];
  throw new UserError(`${folder}: expected the classes of the list, found no ${names(absent)}`);
}

/** The first few names, and the number of the others. */
export function names(all: readonly string[]): string {
  const more = all.length > 5 ? ` and ${all.length - 5} more` : '';
  return all.slice(0, 5).join(', ') + more;
}
