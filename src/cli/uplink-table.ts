import { percent, table, wholeNumber } from '../base/format.js';
import type { UplinkReport } from '../export/uplink/measure.js';

/** What export has measured of every way to send, and where the image itself would be smaller. */
export function uplinkTable({ choice, images, sizes, png }: UplinkReport): string {
  const rows = sizes.map((size) => [
    `${size.uplink}${size.uplink === choice ? ' (chosen)' : ''}`,
    wholeNumber(size.bytes),
    wholeNumber(size.deflated),
    size.accuracy === undefined ? '' : percent(size.accuracy),
    size.uplink === 'f32' ? '' : turned(size),
  ]);
  const lines = [
    table(
      [
        ['sent to the edge', 'bytes', 'deflated', 'accuracy', 'changed answers'],
        ...rows,
        ['the image as PNG', wholeNumber(png), '', '', ''],
      ],
      [1, 2, 3],
    ),
  ];
  if (images > 0) lines.push(`accuracy of the full network on ${wholeNumber(images)} images that are not for testing`);
  const travels = ({ bytes, deflated }: UplinkReport['sizes'][number]) => Math.min(bytes, deflated);
  const [chosen, image] = [choice, 'image'].map((uplink) => travels(sizes.find((size) => size.uplink === uplink)!));
  if (image < chosen) {
    lines.push(
      'the image is smaller: --uplink image sends it instead, but then the edge sees the image (docs/deploy/uplink.md)',
    );
  }
  return lines.join('\n');
}

const turned = ({ worse, better }: UplinkReport['sizes'][number]): string =>
  worse === undefined ? '' : `${worse} to wrong, ${better} to right`;
