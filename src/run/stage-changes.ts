import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { checkValue } from '../base/json.js';
import { type StageOptions, stageSchema } from './stage-options.js';

/** Changes to stages, by what they train: `{ "full": { "cutout": 0 } }`. */
const changesSchema = z.partialRecord(stageSchema.shape.trains, z.record(z.string(), z.unknown()));
const EXPECTED = 'stages: a list of stages, or the options that change, as { "full": { "cutout": 0 } },';

/**
 * The options of a variant, with whole stages if it changes some of the base.
 *
 * @param stages those of the base; undefined if it trains everything at once
 * @param origin where the options came from, for messages
 * @throws UserError if no stage trains what the changes name, or if the stages decide another option
 */
export function withWholeStages(
  options: unknown,
  stages: readonly StageOptions[] | undefined,
  origin: string,
): unknown {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  const { stages: given, ...others } = options as { stages?: unknown };
  if (Array.isArray(given)) return options;
  requireUndecided(others, stages, origin);
  if (given === undefined) return options;
  const changes = checkValue(given, changesSchema, origin, EXPECTED);
  const trained = stages?.map(({ trains }) => trains) ?? [];
  const unknown = Object.keys(changes).find((trains) => !trained.some((one) => one === trains));
  if (unknown !== undefined) {
    const found = trained.length > 0 ? trained.join(', ') : 'no stages';
    throw new UserError(`${origin}: stages: expected a base with a stage that trains ${unknown}, found ${found}`);
  }
  return { ...others, stages: stages?.map((stage) => ({ ...stage, ...changes[stage.trains] })) };
}

/** @throws UserError if a stage sets one of these options: changing it elsewhere would have no effect */
function requireUndecided(options: object, stages: readonly StageOptions[] = [], origin: string): void {
  for (const name of Object.keys(options)) {
    const stage = stages.find((one) => name in one);
    if (!stage) continue;
    throw new UserError(
      `${origin}: ${name}: expected no value, because a stage of the base sets it; change it there: ` +
        `"stages": { "${stage.trains}": { "${name}": ... } }`,
    );
  }
}
