// npm run manifest - writes oclif.manifest.json, so that the command line doesn't have to import every command at start;
// "--check" only compares. (The `oclif` package can write it too, but brings 100 MB of packaging tools.)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Plugin } from '@oclif/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = new URL('../oclif.manifest.json', import.meta.url);
if (!existsSync(new URL('../dist/commands', import.meta.url))) {
  console.error('dist/commands: expected the compiled commands, found none; run "npm run build" first');
  process.exit(1);
}
const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true });
await plugin.load();
// Sorted, because the order of the files in a folder depends on the file system.
const commands = Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1));
const manifest = `${JSON.stringify({ ...plugin.manifest, commands: Object.fromEntries(commands) }, null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(path, manifest);
} else if (!existsSync(path) || readFileSync(path, 'utf8') !== manifest) {
  console.error('oclif.manifest.json: differs from the compiled commands; run "npm run manifest"');
  process.exit(1);
}
