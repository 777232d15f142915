#!/usr/bin/env -S node --import tsx
// The same command line, straight from src/ and without a build: `bin/dev.js train --help`.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execute, settings } from '@oclif/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const pjson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
pjson.oclif.commands = {
  strategy: 'pattern',
  target: './src/commands',
  globPatterns: ['**/*.ts', '!**/*.test.ts', '!base-command.ts'],
};
settings.enableAutoTranspile = false; // tsx, in the first line, has done it
await execute({ dir: import.meta.url, loadOptions: { root, pjson, ignoreManifest: true } });
