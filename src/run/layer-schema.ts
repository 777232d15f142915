import { z } from 'zod';
import { type Layer, SMOOTH_ACTIVATIONS } from '../network/layers.js';

const whole = z.int().positive();
const pixels = z.int().nonnegative();
const pair = z.tuple([whole, whole]);
const sides = z.tuple([pixels, pixels, pixels, pixels]);
const padding = z.union([z.literal('valid'), z.literal('same'), pixels, sides]);
const name = z.string().regex(/^[\w-]+$/, 'expected letters, digits, _ and -');
const window = { stride: whole.optional(), padding: padding.optional() };
const only = <Type extends string>(type: Type) => z.strictObject({ type: z.literal(type) });
const parametric = <Type extends string>(type: Type) => z.strictObject({ type: z.literal(type), name });

/** A float layer, as in the config of a run whose network was read from a graph. */
export const layerSchema: z.ZodType<Layer> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('conv2d'),
    name,
    filters: whole,
    kernel: whole,
    ...window,
    bias: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('depthwise-conv2d'), name, kernel: whole, ...window }),
  z.strictObject({
    type: z.literal('general-conv2d'),
    name,
    filters: whole,
    kernel: pair,
    strides: pair.optional(),
    dilations: pair.optional(),
    padding: sides,
    groups: whole.optional(),
    bias: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('dense'), name, units: whole }),
  z.strictObject({ type: z.literal('batch-norm'), name, epsilon: z.number().positive().optional() }),
  parametric('shift'),
  parametric('scale'),
  parametric('prelu'),
  z.strictObject({ type: z.literal('relu'), max: z.number().positive().optional() }),
  z.strictObject({ type: z.literal('leaky-relu'), slope: z.number() }),
  only('hard-tanh'),
  ...SMOOTH_ACTIVATIONS.map(only),
  z.strictObject({ type: z.literal('max-pool'), size: whole, ...window }),
  z.strictObject({ type: z.literal('average-pool'), size: whole, ...window, countsPadding: z.boolean().optional() }),
  only('global-average-pool'),
  only('flatten'),
  z.strictObject({
    type: z.literal('residual'),
    get body() {
      return z.array(layerSchema);
    },
    get shortcut() {
      return z.array(layerSchema);
    },
  }),
]);
