import { readChosenClasses } from '../datasets/image-folder/choose-classes.js';
import type { Config } from '../run/config.js';

/** These options with the names of the classes that a list file chooses: a run records them, not a file that may change. */
export function withClassNames<Given extends Partial<Config>>(given: Given): Given {
  if (given.classes === undefined) return given;
  const classes = readChosenClasses(given.classes);
  return { ...given, classes: typeof classes === 'number' ? classes : [...classes] };
}
