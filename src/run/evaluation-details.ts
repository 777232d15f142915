import { z } from 'zod';

const share = z.number().min(0).max(1);
const whole = z.int().nonnegative();

/** Statistics of one branch, or of the whole system, on a set of images (`src/evaluation/class-statistics.ts`). */
const statisticsSchema = z.strictObject({
  samples: whole,
  accuracy: share,
  /** 95 % confidence interval of the accuracy. */
  interval: z.tuple([share, share]),
  /** Precision is null for a class that was never predicted, recall for a class without images. */
  perClass: z.array(z.strictObject({ precision: share.nullable(), recall: share.nullable(), count: whole })),
  /** The entries of the confusion matrix that aren't 0: label, predicted class, images. */
  confusion: z.array(z.tuple([whole, whole, whole])),
  calibration: z.strictObject({
    /** Expected calibration error. */
    error: share,
    bins: z.array(z.strictObject({ confidence: z.number(), accuracy: share, count: whole })),
  }),
});

/** The part of `test.json` about single classes. Runs evaluated with an older version don't have it. */
export const detailsSchema = z.strictObject({
  classNames: z.array(z.string()),
  full: statisticsSchema,
  /** One for each exit. */
  branches: z.array(statisticsSchema),
  /** The whole system at the tuned thresholds; missing until τ is tuned. */
  collaborative: statisticsSchema.optional(),
  /** Only the images that exit early. */
  early: statisticsSchema.optional(),
});

export type EvaluationDetails = z.infer<typeof detailsSchema>;
export type Statistics = z.infer<typeof statisticsSchema>;
