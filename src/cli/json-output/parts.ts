import { z } from 'zod';
import { APPROACHES } from '../../baselines/results/results.js';
import { UPLINKS } from '../../export/uplink/encoding.js';

/** Parts that the JSON output of several commands has. Objects may get further keys in later versions. */
export const share = z.number().min(0).max(1);
export const whole = z.int().nonnegative();
export const number = z.number();
export const text = z.string();
export const time = z.number().nonnegative();

/** A command's JSON output: an object that may have further keys. */
export const output = z.looseObject;

export const gateSchema = output({
  name: text,
  unit: z.enum(['share', 'bytes', 'ms', 'count']),
  bound: z.enum(['min', 'max']),
  limit: number,
  value: number,
  interval: z.tuple([number, number]).optional(),
  confident: z.boolean(),
  passed: z.boolean(),
});
/** Present if limits were given. */
export const gates = z.array(gateSchema).optional();

/** Options of a run, named as in its `config.json`: those that every run has. */
export const options = z.looseObject({ network: text, dataset: text, epochs: whole, seed: whole });

export const approachName = z.enum(APPROACHES);
export const uplinkName = z.enum(UPLINKS);

export const warmStartSchema = output({ taken: z.array(text), missing: z.array(text), leftOver: z.array(text) });
