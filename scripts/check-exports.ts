/**
 * Lists names that two modules of `src/` define and export, so that an imported name means one thing everywhere.
 * Commands are exempt: oclif wants one default export a file. Exits with 1 if there are any; `npm run lint` runs it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A definition, not a re-export: `export const x`, `export async function x`, `export interface X`, ... */
const DEFINITION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) ([A-Za-z_$][\w$]*)/gm;

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort();

const definedIn = new Map<string, Set<string>>();
for (const file of files) {
  for (const [, name] of readFileSync(join('src', file), 'utf8').matchAll(DEFINITION)) {
    definedIn.set(name, (definedIn.get(name) ?? new Set()).add(file));
  }
}

const repeated = [...definedIn].filter(([, modules]) => modules.size > 1);
for (const [name, modules] of repeated) console.error(`${name} is exported by ${[...modules].join(' and ')}`);
if (repeated.length > 0) {
  console.error(`\nexpected every exported name once in src/, found ${repeated.length} twice; rename one of each pair`);
  process.exitCode = 1;
}
