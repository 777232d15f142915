import { describe, expect, it } from 'vitest';
import { countSizes, measureDownload, type Row, TABLE_1 } from './table-1.js';

const titled = (rows: readonly Row[]): [string, Row][] => rows.map((row) => [row.title, row]);
const isLenet = ({ network }: Row): boolean => network === 'lenet';
const isImagenet = ({ input }: Row): boolean => input[0] === 224;
const isMirroredVgg = ({ network, input, options }: Row): boolean =>
  network === 'vgg16' && input[0] === 224 && !options;

const limit = ({ branchInPrint }: Row): number => branchInPrint * 1e6;
const times = (row: Row): number => (isLenet(row) ? 20 : 28);

describe('the download of a row of Table 1 is at most B_size, and 28 times (LeNet: 20) less than the full network', () => {
  it.each(titled(TABLE_1.filter((row) => !isImagenet(row))))('%s, measured', (_, row) => {
    const download = measureDownload(row, 5); // with 11, which the servers use, it is smaller still
    expect(download).toBeLessThanOrEqual(limit(row));
    expect(countSizes(row).full / download).toBeGreaterThanOrEqual(times(row));
  });

  // Brotli would take long here. A step of the last layer has 63 possible values, which a Huffman code stores in 6 bits.
  it.each(titled(TABLE_1.filter((row) => isImagenet(row) && !isMirroredVgg(row))))('%s, by count', (_, row) => {
    const { full, device, steps } = countSizes(row);
    const download = device - steps * (1 - 6 / 8);
    expect(download).toBeLessThanOrEqual(limit(row));
    expect(full / download).toBeGreaterThanOrEqual(times(row));
  });

  it('except VGG16 for ImageNet, mirrored: its signs alone are more than B_size', () => {
    const exceptions = TABLE_1.filter(isMirroredVgg);
    expect(exceptions).toHaveLength(1);
    const { full, signs, device } = countSizes(exceptions[0]);
    expect(signs).toBeGreaterThan(limit(exceptions[0]));
    expect(full / device).toBeGreaterThanOrEqual(28);
  });
});
