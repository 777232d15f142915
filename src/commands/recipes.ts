import { Args } from '@oclif/core';
import { table } from '../base/format.js';
import { resolveConfig } from '../run/config.js';
import { optionText, stageText } from '../run/option-text.js';
import { readRecipe, recipeNames } from '../run/recipes.js';
import type { StageOptions } from '../run/stage-options.js';
import { LcdnnCommand } from './base-command.js';

export default class Recipes extends LcdnnCommand {
  static override summary = 'List the recipes, or show every option of one.';
  static override description =
    'A recipe is a set of options for "lcdnn train". Use it with "lcdnn train --recipe NAME"; flags override it.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> lenet-mnist'];
  static override args = {
    recipe: Args.string({ description: 'Name of a recipe, or the path of a JSON file.' }),
  };

  async run(): Promise<unknown> {
    const { args } = await this.parse(Recipes);
    if (args.recipe !== undefined) return this.show(args.recipe);
    const recipes = recipeNames().map((name) => {
      const { description, options } = readRecipe(name);
      const { network, dataset } = resolveConfig(options);
      return { name, network, dataset, description };
    });
    const rows = recipes.map(({ name, network, dataset, description }) => [name, network, dataset, description]);
    this.log(table([['recipe', 'network', 'data', 'for'], ...rows]));
    return { recipes };
  }

  private show(nameOrPath: string): unknown {
    const { name, description, options } = readRecipe(nameOrPath);
    const config = resolveConfig(options);
    const { stages, ...shared } = config;
    const rows = Object.entries(shared).map(([option, value]) => [
      option,
      optionText(value),
      option in options ? 'recipe' : '',
    ]);
    if (description) this.log(`${name}: ${description}`);
    this.log(table([['option', 'value', 'set by'], ...rows]));
    if (stages) this.log(`\nIts stages, one after another, with what they set for themselves:\n${numbered(stages)}`);
    return { name, description, config };
  }
}

const numbered = (stages: readonly StageOptions[]): string =>
  stages.map((stage, i) => `${i + 1}. ${stageText(stage)}`).join('\n');
