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

/** A test image in the gallery. Classes are numbers. */
const galleryImageSchema = z.strictObject({
  /** In the test split. */
  index: whole,
  /** Path in the folder, or "test 17". */
  name: z.string(),
  label: whole,
  /** Of the part that answered; of the last exit for an image that was sent to the edge for nothing. */
  answer: whole,
  confidence: share,
  /** The full branch's answer. */
  full: whole,
  /** Of the exit that answered. */
  entropy: share.optional(),
});
const galleryImages = z.array(galleryImageSchema);

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
  /** A few telling images (`src/evaluation/gallery.ts`); their pictures are in `gallery.json`. */
  gallery: z.strictObject({ mistakes: galleryImages, harmful: galleryImages, needless: galleryImages }).optional(),
});

export type EvaluationDetails = z.infer<typeof detailsSchema>;
export type GalleryImage = z.infer<typeof galleryImageSchema>;
export type Statistics = z.infer<typeof statisticsSchema>;
