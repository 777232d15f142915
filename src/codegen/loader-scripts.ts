import { readFileSync } from 'node:fs';
import { minify_sync } from 'terser';

const TEMPLATES = new URL('../../templates/', import.meta.url);

/** A file of `templates/`. */
export function template(file: string, folder: 'loader' | 'demo' = 'loader'): Buffer {
  return readFileSync(new URL(`${folder}/${file}`, TEMPLATES));
}

const IMPORT = /^import \{[^}]*\} from '(\.[^']+)';\n/gm;

/** Scripts whose only job is to be in the bundle as files, and which other scripts import as such. */
const ENTRIES = ['lcdnn-static.js'];

/**
 * A script of the loader with the source of what it imports in it, each once, before the source that imports it. A bundle has
 * few files, and the Worker's script may import nothing.
 */
export function withParts(file: string): string {
  const source = template(file).toString();
  return ENTRIES.includes(file) ? source : inline(source, new URL(`loader/${file}`, TEMPLATES), new Set());
}

function inline(source: string, location: URL, seen: Set<string>): string {
  const imported = [...source.matchAll(IMPORT)].map(([, path]) => new URL(path, location));
  const before = imported.map((url) => {
    if (seen.has(url.href)) return '';
    seen.add(url.href);
    return inline(readFileSync(url, 'utf8'), url, seen).replaceAll(/^export (?=const|function|async)/gm, '');
  });
  return before.join('') + source.replaceAll(IMPORT, '');
}

/** What `compact` has returned. Most scripts are the same in every bundle, and minifying them takes a second. */
const compacted = new Map<string, string>();

/**
 * Minifies a script. Two things stay, because bundlers look for them: `new URL('./FILE', import.meta.url)`, and the comments that tell
 * them to leave an import() alone.
 */
export function compact(source: string): string {
  const found = compacted.get(source);
  if (found !== undefined) return found;
  const { code } = minify_sync(source, {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
    format: { comments: /webpackIgnore|turbopackIgnore|@vite-ignore/ },
  });
  const script = `${code}\n`;
  compacted.set(source, script);
  return script;
}
