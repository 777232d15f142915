// Part of "npm pack" and "npm publish": writes sbom.cdx.json, the CycloneDX bill of materials of the package, from
// npm's lock file. Without its serial number and time, the same commit gives the same file.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--omit', 'peer', '--package-lock-only'];
const text = execFileSync('npm', args, {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  shell: process.platform === 'win32',
});
const { serialNumber: _, ...bom } = JSON.parse(text);
delete bom.metadata.timestamp;
writeFileSync(`${root}/sbom.cdx.json`, `${JSON.stringify(bom, null, 2)}\n`);
