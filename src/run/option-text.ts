import type { StageOptions } from './stage-options.js';

/** Options in words, as in a table or a message: `distillation 1, flip off`; of stages `full: cutout 0`. */
export function describeOptions(options: Readonly<Record<string, unknown>>): string {
  return Object.entries(options)
    .map(([name, value]) => (isStageChanges(name, value) ? stageChangesText(value) : `${name} ${optionText(value)}`))
    .join(', ');
}

/** An option's value in words: `0.1`, `off`; a list as `cat,dog`; stages as `1. full: epochs 8; 2. branch: epochs 6`. */
export function optionText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (isStages(value)) return value.map((stage, i) => `${i + 1}. ${stageText(stage)}`).join('; ');
  const isPlain = [value].flat().every((one) => typeof one !== 'object');
  return isPlain ? String(value) : JSON.stringify(value);
}

/** A stage of a recipe in words: `full: epochs 8, lr 0.02`. */
export function stageText({ trains, ...options }: StageOptions): string {
  const text = describeOptions(options);
  return text === '' ? trains : `${trains}: ${text}`;
}

const isStages = (value: unknown): value is StageOptions[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object' && one && 'trains' in one);

type StageChanges = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const isStageChanges = (name: string, value: unknown): value is StageChanges =>
  name === 'stages' && typeof value === 'object' && value !== null && !Array.isArray(value);

const stageChangesText = (changes: StageChanges): string =>
  Object.entries(changes)
    .map(([trains, options]) => `${trains}: ${describeOptions(options)}`)
    .join('; ');
