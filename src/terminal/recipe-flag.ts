import { Flags } from '@oclif/core';
import type { Config } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import { withClassNames } from './class-names.js';

export const recipeFlag = Flags.string({
  summary: 'Recipe by name ("lcdnn recipes"), or a JSON file with any of the options; flags override it.',
});

/** What the recipe that is named says; nothing where none is. @throws UserError as `readRecipe` */
export function recipeOptions(nameOrPath: string | undefined): Partial<Config> {
  return nameOrPath === undefined ? {} : withClassNames(readRecipe(nameOrPath).options);
}
