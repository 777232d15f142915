import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How a page uses a bundle: loads it, asks the default edge, and writes what it found into the document. */
const RUN = `const model = await load(BASE);
      const { edgeError } = await model.classify(new Uint8Array(COUNT).fill(99), { edge: 'always' });
      const found = JSON.stringify({ worker: model.worker, edgeError });`;

const PAGE = (script: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><p id="answer">Loading</p>${script}</html>`;

const plain = (base: string, from = 'model'): string => `import { load } from '${from}';
(async () => {
  try {
    ${RUN.replace('BASE', base)}
    document.getElementById('answer').textContent = found;
  } catch (error) {
    document.getElementById('answer').textContent = String(error);
  }
})();`;

const REACT = `'use client';
import { load } from 'model';
import { useEffect, useState } from 'react';
export default function Page() {
  const [text, setText] = useState('Loading');
  useEffect(() => {
    (async () => {
      ${RUN.replace('BASE', '')}
      setText(found);
    })().catch((error) => setText(String(error)));
  }, []);
  return <p id="answer">{text}</p>;
}`;

const SVELTE = `<script>
  import { load } from 'model';
  import { onMount } from 'svelte';
  let text = $state('Loading');
  onMount(async () => {
    try {
      ${RUN.replace('BASE', '')}
      text = found;
    } catch (error) {
      text = String(error);
    }
  });
</script>
<p id="answer">{text}</p>`;

const NEXT = {
  'app/layout.js':
    'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }',
  'app/page.js': REACT,
  'next.config.mjs': "export default { output: 'export' };",
};

export interface App {
  readonly name: string;
  /** Packages of npm that build it. */
  readonly packages: readonly string[];
  readonly sources: Readonly<Record<string, string>>;
  /** A command of these packages. */
  readonly build: readonly string[];
  /** Folder of the result. */
  readonly out: string;
  /** Files that the page needs beside what was built: the bundle, under this path of the result. */
  readonly copiesBundleTo?: string;
}

/** One application for each bundler, as its documentation begins. */
export const APPS: readonly App[] = [
  {
    name: 'webpack 5',
    packages: ['webpack@5', 'webpack-cli'],
    sources: { 'src/index.js': plain(''), 'public/index.html': PAGE('<script src="main.js"></script>') },
    build: ['webpack', '--mode', 'production', '--output-path', 'public'],
    out: 'public',
  },
  {
    name: 'Rspack',
    packages: ['@rspack/core', '@rspack/cli'],
    sources: { 'src/index.js': plain(''), 'public/index.html': PAGE('<script src="main.js"></script>') },
    build: ['rspack', 'build', '--mode', 'production', '--output-path', 'public'],
    out: 'public',
  },
  {
    name: 'Rollup',
    packages: ['rollup', '@rollup/plugin-node-resolve', '@web/rollup-plugin-import-meta-assets'],
    sources: {
      'src/index.js': plain(''),
      'public/index.html': PAGE('<script type="module" src="index.js"></script>'),
      'rollup.config.js': `import { nodeResolve } from '@rollup/plugin-node-resolve';
        import { importMetaAssets } from '@web/rollup-plugin-import-meta-assets';
        export default { input: 'src/index.js', output: { dir: 'public' }, plugins: [nodeResolve(), importMetaAssets()] };`,
    },
    build: ['rollup', '-c'],
    out: 'public',
  },
  {
    name: 'Parcel',
    packages: ['parcel'],
    sources: {
      'src/index.js': plain("'model/'"),
      'src/index.html': PAGE('<script type="module" src="index.js"></script>'),
    },
    build: ['parcel', 'build', 'src/index.html', '--dist-dir', 'public', '--no-cache', '--no-source-maps'],
    out: 'public',
    copiesBundleTo: 'model',
  },
  {
    name: 'Bun',
    packages: ['bun'],
    sources: { 'src/index.js': plain(''), 'public/index.html': PAGE('<script type="module" src="index.js"></script>') },
    build: ['bun', 'build', 'src/index.js', '--outdir', 'public', '--target', 'browser'],
    out: 'public',
    copiesBundleTo: '.',
  },
  {
    name: 'esbuild, a classic script',
    packages: ['esbuild'],
    sources: {
      'src/index.js': plain("'model/'"),
      'public/sub/index.html': PAGE('<script src="main.js"></script>'),
      'public/index.html': PAGE('<script>location = "sub/"</script>'),
    },
    build: ['esbuild', 'src/index.js', '--bundle', '--format=iife', '--minify', '--outfile=public/sub/main.js'],
    out: 'public',
    copiesBundleTo: 'sub/model',
  },
  {
    name: 'esbuild, a module',
    packages: ['esbuild'],
    sources: { 'src/index.js': plain(''), 'public/index.html': PAGE('<script type="module" src="main.js"></script>') },
    build: ['esbuild', 'src/index.js', '--bundle', '--format=esm', '--outfile=public/main.js'],
    out: 'public',
    copiesBundleTo: '.',
  },
  {
    name: 'SvelteKit, rendered on the server first',
    packages: ['vite', 'svelte', '@sveltejs/kit', '@sveltejs/vite-plugin-svelte', '@sveltejs/adapter-static'],
    sources: {
      'src/app.html':
        '<!doctype html><html lang="en"><head><link rel="icon" href="data:,">%sveltekit.head%</head><body><div>%sveltekit.body%</div></body></html>',
      'src/routes/+layout.js': 'export const prerender = true;',
      'src/routes/+page.svelte': SVELTE,
      'vite.config.js': `import adapter from '@sveltejs/adapter-static';
        import { sveltekit } from '@sveltejs/kit/vite';
        export default { plugins: [sveltekit({ adapter: adapter() })], ssr: { noExternal: ['model'] } };`,
    },
    build: ['vite', 'build'],
    out: 'build',
  },
  {
    name: 'Next with webpack',
    packages: ['next', 'react', 'react-dom'],
    sources: NEXT,
    build: ['next', 'build', '--webpack'],
    out: 'out',
  },
  {
    name: 'Next with Turbopack',
    packages: ['next', 'react', 'react-dom'],
    sources: NEXT,
    build: ['next', 'build', '--turbopack'],
    out: 'out',
  },
];

export function writeApp(folder: string, { sources }: App, values: number): void {
  const files = { 'package.json': '{"name":"app","private":true,"type":"module"}', ...sources };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text.replaceAll('COUNT', `${values}`));
  }
}
