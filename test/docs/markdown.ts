/** Targets of links and images, in the order of the text. Code is skipped. */
export function linksOf(page: string): string[] {
  const text = withoutCode(page);
  return [...text.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)|<(?:img|a)[^>]* (?:src|href)="([^"]+)"/g)].map(
    ([, link, html]) => link ?? html,
  );
}

/** The names under which GitHub lets a link jump to a page's headings. */
export function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return [...page.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const name = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times}`;
  });
}

/** What a page shows as code: blocks (fenced or indented) line by line, with continued lines joined, and spans. */
export function codeOf(page: string): string[] {
  const text = page.replace(/\\\n\s*/g, ' ');
  const fenced = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block.split('\n'));
  const rest = text.replace(/^```[\s\S]*?^```/gm, '');
  const indented = [...rest.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line);
  const spans = [...rest.matchAll(/`([^`\n|]+(?:\n[^`\n|]+)?)`/g)].map(([, span]) => span.replace(/\s+/g, ' '));
  return [...fenced, ...indented, ...spans];
}

const withoutCode = (page: string): string => page.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
