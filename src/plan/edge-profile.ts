import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';
import { median } from '../base/statistics.js';
import type { JointNetwork } from '../network/layers.js';

/** The fields of `lcdnn bench edge --json` that `plan` uses. */
const schema = z.object({
  network: z.string(),
  input: z.array(z.int().positive()).length(3),
  classes: z.int().positive(),
  tails: z.array(z.object({ attach: z.string(), tailMs: z.array(z.number().nonnegative()).min(1) })).min(1),
});

/**
 * Time of the tail, in ms, by the layer that it is behind.
 *
 * @throws UserError if the file isn't from `bench edge` or is about another network
 */
export function readEdgeProfile(path: string, { name, input, classes }: JointNetwork): ReadonlyMap<string, number> {
  const data = readJson(path, schema, 'what "lcdnn bench edge --json" prints', 'measure the edge again');
  const described = (network: string, shape: readonly number[], count: number): string =>
    `${network} for ${shape.join('x')} and ${count} classes`;
  const [expected, found] = [described(name, input, classes), described(data.network, data.input, data.classes)];
  if (expected !== found) throw new UserError(`${path}: expected times of ${expected}, found times of ${found}`);
  return new Map(data.tails.map(({ attach, tailMs }) => [attach, median(tailMs)]));
}
