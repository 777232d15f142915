import { fileSize } from '../base/format.js';
import type { CheckResult } from '../export/check-bundle.js';
import type { UplinkReport } from '../export/uplink/measure.js';
import { uplinkTable } from './uplink-table.js';

interface Exported {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly downloadBytes: number;
  readonly uplink: UplinkReport;
  readonly check: CheckResult;
}

/** What was exported: the choice of the uplink, sizes, and how far the bundle's answers are from the trainer's. */
export function exportText(out: string, { manifest, downloadBytes, uplink, check }: Exported): string {
  return [
    uplinkTable(uplink),
    `${out}: ${manifest.name} ${manifest.version}, ${fileSize(downloadBytes)} to download (brotli), ` +
      `${fileSize(check.memoryBytes)} of memory`,
    `checked on ${check.images} images; largest differences from the trainer: ` +
      `branch ${check.largestBranchError.toExponential(1)}, full ${check.largestFullError.toExponential(1)}, ` +
      `full after the uplink ${check.largestEncodedError.toExponential(1)}`,
    `${check.rounded} images with a sign that rounds differently here, ${check.otherClass} of them with another class`,
  ].join('\n');
}
