import { percent } from '../base/format.js';
import type { EvaluationDetails, GalleryImage } from '../run/evaluation-details.js';
import { escapeHtml } from './page.js';

export const GALLERY_STYLE = `
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .8rem; padding: 0; list-style: none; }
.gallery li { font-size: .85rem; line-height: 1.3; overflow-wrap: anywhere; }
.gallery img { display: block; width: 96px; height: 96px; object-fit: contain; margin-bottom: .3rem; }
.gallery .name { opacity: .7; }
`;

const KINDS = [
  ['mistakes', 'Most confident mistakes', 'Wrong answers of the whole system, the most confident first.'],
  [
    'harmful',
    'Harmful early exits',
    'These images exited early with a wrong answer; the full branch would have been right.',
  ],
  [
    'needless',
    'Sent to the edge for nothing',
    'The branch was unsure of these images, but right. Those nearest to the threshold come first.',
  ],
] as const;

/** Test images that show what goes wrong. @param pictures data URLs by index of the test image */
export function gallerySection(
  { gallery, classNames }: EvaluationDetails,
  pictures: Readonly<Record<string, string>>,
): string[] {
  if (!gallery) return [];
  return KINDS.flatMap(([kind, title, text]) => {
    const images = gallery[kind];
    if (images.length === 0) return [];
    const items = images.map((image) => item(image, classNames, pictures[image.index]));
    return [`<h2>${title}</h2>\n<p>${text}</p>\n<ul class="gallery">\n${items.join('\n')}\n</ul>`];
  });
}

function item(image: GalleryImage, classNames: readonly string[], picture: string | undefined): string {
  const { label, answer, full, confidence, entropy, name } = image;
  const fullAnswer = full === answer ? '' : `<br>full branch: ${escapeHtml(classNames[full])}`;
  const unsure = entropy === undefined ? '' : `, entropy ${entropy.toPrecision(2)}`;
  const drawn = picture === undefined ? '' : `<img src="${escapeHtml(picture)}" alt="">`;
  return (
    `<li>${drawn}<b>${escapeHtml(classNames[answer])}</b> (${percent(confidence, 0)}${unsure})` +
    `<br>is: ${escapeHtml(classNames[label])}${fullAnswer}<br><span class="name">${escapeHtml(name)}</span></li>`
  );
}
