import type { Context, Operator } from './context.js';
import { extended, type Place } from './place.js';
import { squareWindowOf } from './windows.js';

export const maxPooling: Operator = (context, x) => {
  requireImage(context, x);
  if (x.padding && !isPositive(x)) {
    throw context.refuse(
      'a max pool whose padded zeros are never the maximum, as after a ReLU',
      'other values before the Pad',
    );
  }
  const { size, stride, padding } = squareWindowOf(context, x, context.wholes('kernel_shape')!);
  const layer = context.layer({
    type: 'max-pool',
    size,
    ...(stride === size ? {} : { stride }),
    ...(padding === 'valid' ? {} : { padding }),
  });
  return extended(x, context.output, [layer], { padding: undefined });
};

export const averagePooling: Operator = (context, x) => {
  requireImage(context, x);
  const own = context.wholes('pads') ?? [0, 0, 0, 0];
  const { size, stride, padding } = squareWindowOf(context, x, context.wholes('kernel_shape')!);
  if (size === 1 && stride === 1 && padding === 'valid') return extended(x, context.output, []);
  const isPadded = padding !== 'valid';
  const counts = context.whole('count_include_pad', 0) === 1;
  const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
  const sides = typeof padding === 'object' ? sum(padding) : isPadded ? 4 * Number(padding) : 0;
  const explicit = counts ? sum(own) + sum(x.padding ?? []) : sum(x.padding ?? []);
  // Some padding counts and some doesn't: zeros of a Pad always count, pixels that rounding up adds never do.
  if (explicit > 0 && explicit !== sides) {
    throw context.refuse(
      'padding that is part of every mean, or of none',
      'both kinds; export the network without ceil_mode',
    );
  }
  const layer =
    !isPadded && x.shape[0] === size && x.shape[1] === size
      ? context.layer({ type: 'global-average-pool' })
      : context.layer({
          type: 'average-pool',
          size,
          ...(stride === size ? {} : { stride }),
          ...(isPadded ? { padding } : {}),
          ...(isPadded && explicit > 0 ? { countsPadding: true } : {}),
        });
  return extended(x, context.output, [layer], { padding: undefined });
};

export const globalAveragePooling: Operator = (context, x) => {
  const layers = x.shape.length === 3 ? [context.layer({ type: 'global-average-pool' })] : [];
  return extended(x, context.output, layers);
};

export const globalMaxPool: Operator = (context, x) => {
  if (x.shape.length === 1) return extended(x, context.output, []);
  const [height, width] = x.shape;
  if (height !== width) throw context.refuse('a square image', `${height}x${width}`);
  const pool = context.layer({ type: 'max-pool', size: height });
  return extended(x, context.output, [pool, context.layer({ type: 'flatten' })]);
};

/** The mean over rows and columns is a global average pool. */
export const reduceMean: Operator = (context, x) => {
  const { observed, node } = context;
  const rank = observed.dims(node.input![0]).length;
  const given = context.wholes('axes') ?? observed.integers(node.input![1]) ?? [];
  const axes = given.map((axis) => (axis + rank) % rank).sort();
  if (rank !== 4 || axes.join() !== (x.channelsFirst ? '2,3' : '1,2')) {
    throw context.refuse('the mean over rows and columns', `axes ${axes.join(', ')} of ${rank}`);
  }
  return globalAveragePooling(context, x);
};

function requireImage(context: Context, x: Place): void {
  if (x.shape.length !== 3) throw context.refuse('an image', 'features');
  if (!x.channelsFirst) throw context.refuse('an image whose channels come first', 'one whose channels come last');
}

const POSITIVE = new Set(['relu', 'sigmoid', 'hard-sigmoid']);

/** Whether no value is below 0. */
function isPositive(x: Place): boolean {
  for (let place: Place | undefined = x; place; place = place.from) {
    const last = place.layers.at(-1);
    if (last) return POSITIVE.has(last.layer.type);
  }
  return false;
}
