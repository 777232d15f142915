// Part of "npm run build": writes dist/build-info.json with the commit that the package is built from, so that bundles can
// be traced to it. Without git (a source archive) the file says nothing.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

function buildInfo() {
  try {
    const commit = git('rev-parse', 'HEAD').trim();
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return { commit, ...(changed ? { modified: true } : {}) };
  } catch {
    return {};
  }
}

mkdirSync(`${root}/dist`, { recursive: true });
writeFileSync(`${root}/dist/build-info.json`, `${JSON.stringify(buildInfo())}\n`);
