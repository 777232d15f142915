import type { Theme } from './chart.js';

/**
 * One self-contained page: no scripts, no requests, and the reader's light or dark colour scheme.
 *
 * @param sections HTML; empty ones are left out
 * @param style additional CSS rules
 */
export function page(title: string, sections: readonly string[], style = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${sections.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --text: #222; --page: #fff; --faint: #e3e3e3; }
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--faint); text-align: left; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { text-align: right; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
.scroll th, .scroll td { overflow-wrap: normal; }
@media (max-width: 40rem) {
  figure > div { overflow-x: auto; }
  figure svg { max-width: none; }
}
.dark { display: none; }
@media (prefers-color-scheme: dark) {
  :root { --text: #d5d5d5; --page: #1b1d21; --faint: #3a3d44; }
  .dark { display: block; }
  .light { display: none; }
}
`;

/** A table that scrolls horizontally if the page is too narrow; the first row is its header. */
export function htmlTable(
  name: string,
  [header, ...rows]: readonly (readonly Cell[])[],
  right: readonly number[] = [],
): string {
  const side = (column: number) => (right.includes(column) ? ' class="number"' : '');
  const line = (cells: readonly Cell[], tag: (column: number) => string): string =>
    `<tr>${cells.map((cell, i) => `<${tag(i)}${side(i)}>${html(cell)}</${tag(i)}>`).join('')}</tr>`;
  const lines = [line(header, () => 'th'), ...rows.map((row) => line(row, (column) => (column === 0 ? 'th' : 'td')))];
  return `<div class="scroll" role="region" aria-label="${escapeHtml(name)}" tabindex="0">\n<table>\n${lines.join('\n')}\n</table>\n</div>`;
}

/** A text, optionally with smaller ones below it. */
export type Cell = string | { readonly text: string; readonly small: readonly string[] };

const html = (cell: Cell): string =>
  typeof cell === 'string'
    ? escapeHtml(cell)
    : [escapeHtml(cell.text), ...cell.small.map((text) => `<small>${escapeHtml(text)}</small>`)].join('<br>');

/** A chart in both colour schemes; CSS shows the matching one. */
export function figure(caption: string, draw: (theme: Theme) => string): string {
  const drawings = (['light', 'dark'] as const).map((theme) => `<div class="${theme}">${draw(theme)}</div>`);
  return `<figure>\n<figcaption>${escapeHtml(caption)}</figcaption>\n${drawings.join('\n')}\n</figure>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
