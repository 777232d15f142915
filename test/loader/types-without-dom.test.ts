import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What the page's compiler says about code that uses the types. */
function complaints(code: string, lib: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-types-'));
  copyFileSync(join(ROOT, 'templates/loader/lcdnn.d.ts'), join(folder, 'lcdnn.d.ts'));
  writeFileSync(
    join(folder, 'page.ts'),
    `import { load } from './lcdnn.js';\nconst model = await load('/', { edge: false });\n${code}`,
  );
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    module: 'NodeNext',
    lib: lib.split(','),
    types: [],
  };
  const settings = { compilerOptions: { ...options, target: 'ES2022' }, files: ['page.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: folder, encoding: 'utf8' });
    return '';
  } catch (thrown) {
    return (thrown as { stdout: string }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PLAIN = `export const { label } = await model.classify(new Uint8Array(4));
  // @ts-expect-error: the path of a file is no image
  await model.classify('cat.png');
`;
const PAGE = `const stop = new AbortController();
  await load(new URL('https://page.example/'), { signal: stop.signal, edge: new URL('https://edge.example/') });
  await model.classify(document.createElement('canvas'), { signal: AbortSignal.timeout(9) });
  await model.classify(new ImageData(1, 1));
  await model.classifyStream(document.createElement('video'), { signal: stop.signal });`;

it.each([
  ['ES2022', PLAIN],
  ['ES2022,WebWorker', PLAIN],
  ['ES2022,DOM', PLAIN + PAGE],
])('the types of a bundle work with the library %s, and are checked themselves', (lib, code) => {
  expect(complaints(code, lib)).toBe('');
});
