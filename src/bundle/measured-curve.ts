import { z } from 'zod';
import { UserError } from '../base/errors.js';

/** The file of a bundle with the accuracy of other thresholds. */
export const CURVE_FILE = 'edge/curve.json';

const share = z.number().min(0).max(1);

const curveSchema = z.object({
  full: z.object({ accuracy: share }),
  curve: z.array(z.object({ tau: share, accuracy: share, exitRatio: share })).max(10_000),
});

/** Accuracy and exit ratio on the validation images for thresholds of the last exit: shares in [0, 1], τ ascending. */
export type MeasuredCurve = z.infer<typeof curveSchema>;

export function printMeasuredCurve({ full, curve }: MeasuredCurve): string {
  return `${JSON.stringify(curveSchema.parse({ full, curve }))}\n`;
}

/** The curve of a bundle; undefined if the bundle has none. @throws UserError if the file holds something else */
export function readMeasuredCurve(files: ReadonlyMap<string, Uint8Array>): MeasuredCurve | undefined {
  const bytes = files.get(CURVE_FILE);
  if (!bytes) return undefined;
  try {
    return curveSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    throw new UserError(
      `${CURVE_FILE}: expected accuracies by threshold, found something else; export the bundle again`,
    );
  }
}
