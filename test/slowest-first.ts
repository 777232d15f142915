import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Test files that take longest, the longest first. One that starts last would keep one worker busy while the other waits. */
const SLOWEST = [
  'test/peers/bundlers/bundlers.test.ts',
  'src/train/engines/engines.test.ts',
  'src/train/pytorch/train-in-python.test.ts',
  'test/faults/cluster.test.ts',
  'test/browser/system.test.ts',
  'test/browser/zoo.test.ts',
  'src/export/lower.test.ts',
  'test/faults/edge-end.test.ts',
  'test/faults/interrupt.test.ts',
  'test/faults/ablate.test.ts',
  'test/faults/privacy.test.ts',
  'test/faults/import.test.ts',
  'test/faults/image-folder.test.ts',
  'src/export/check-bundle.test.ts',
  'test/browser/bench-device.test.ts',
  'test/faults/disk.test.ts',
  'test/browser/edge-faults.test.ts',
  'test/browser/engines/engines.test.ts',
  'test/browser/loader.test.ts',
  'kernels/native.test.ts',
  'test/faults/edge-overload.test.ts',
];

/** Vitest's order, with these files first. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = SLOWEST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'));
      return at < 0 ? SLOWEST.length : at;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
