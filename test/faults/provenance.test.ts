import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sha256 } from '../../src/base/hash.js';
import { readManifest } from '../../src/bundle/read-bundle.js';
import { LABELS } from '../tiny-bundle.js';
import { copyOf, editJson, expectMistake, folder, fresh, lcdnn, RUN } from './cli.js';

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** A run that is evaluated, and its bundle with a licence text. */
const run = copyOf(RUN);
const bundle = join(folder, 'bundle-a');
const about = `${bundle}.about`;
const licence = join(folder, 'LICENSE.trunk');
const export_ = ['--uplink', 'f32', '--licence', 'mit', '--licence-file', licence];

beforeAll(async () => {
  writeFileSync(licence, 'The text of a licence.\n');
  expect((await lcdnn('evaluate', run)).code).toBe(0);
  expect((await lcdnn('export', run, '--out', bundle, ...export_)).stderr).toBe('');
});

/** A copy of the bundle and of what is beside it. */
function copyWithAbout(): string {
  const copy = fresh('bundle');
  mkdirSync(dirname(copy), { recursive: true });
  for (const part of ['', '.about']) cpSync(`${bundle}${part}`, `${copy}${part}`, { recursive: true });
  return copy;
}

describe('beside a bundle', () => {
  it('is its provenance, with hashes of what it was made from and without paths, times or host names', () => {
    const text = readFileSync(join(about, 'provenance.json'), 'utf8');
    const provenance = JSON.parse(text);
    const { version } = json(join(bundle, 'manifest.json'));
    expect(provenance).toMatchObject({
      format: 'lcdnn-provenance-1',
      bundle: { version, manifest: sha256(readFileSync(join(bundle, 'manifest.json'))) },
      run: { checkpoint: sha256(readFileSync(join(run, 'checkpoint.safetensors'))) },
      data: { dataset: 'tiny', fingerprint: json(join(run, 'data.json')).fingerprint },
      tau: { value: json(join(run, 'tau.json')).tau },
      accuracy: { test: { images: 30, full: json(join(run, 'test.json')).full.accuracy } },
    });
    expect(text).not.toContain(folder);
    expect(text).not.toMatch(/\d{4}-\d\d-\d\dT|dataDir/);
  });

  it('is an in-toto statement about every file of the bundle', () => {
    const { _type, subject, predicateType, predicate } = json(join(about, 'provenance.intoto.json'));
    expect([_type, predicateType]).toEqual(['https://in-toto.io/Statement/v1', 'https://slsa.dev/provenance/v1']);
    const files = readdirSync(bundle, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(subject).toHaveLength(files.length);
    for (const { name, digest } of subject) expect(digest.sha256).toBe(sha256(readFileSync(join(bundle, name))));
    expect(Object.keys(predicate).sort()).toEqual(['buildDefinition', 'runDetails']);
  });

  it('is a bill of materials with every file', () => {
    const { bomFormat, specVersion, components } = json(join(about, 'sbom.cdx.json'));
    expect([bomFormat, specVersion]).toEqual(['CycloneDX', '1.6']);
    const files = components.filter(({ type }: { type: string }) => type === 'file');
    expect(files).toHaveLength(Object.keys(readManifest(bundle).files).length + 1);
  });

  it('is a model card with metadata and results of each class', () => {
    const [, metadata, text] = readFileSync(join(about, 'MODEL_CARD.md'), 'utf8').split(/^---\n/m);
    const card = parse(metadata);
    expect(card).toMatchObject({ license: 'mit', library_name: 'lcdnn', pipeline_tag: 'image-classification' });
    const [{ results }] = card['model-index'];
    expect(results[0].metrics[0].value).toBe(json(join(run, 'test.json')).collaborative.accuracy);
    for (const name of json(join(bundle, 'manifest.json')).labels)
      expect(text).toMatch(new RegExp(`^\\| ${name} \\| 10 \\|`, 'm'));
    expect(text).toContain('see `LICENSE-weights.txt` in the bundle');
    expect(LABELS).toHaveLength(3);
  });

  it('are not files of the bundle; the licence text is', () => {
    const files = Object.keys(readManifest(bundle).files);
    expect(files).toContain('LICENSE-weights.txt');
    expect(files.filter((file) => /provenance|CARD/.test(file))).toEqual([]);
    expect(existsSync(join(bundle, 'provenance.json'))).toBe(false);
  });
});

describe('inspect BUNDLE', () => {
  it('prints where it comes from', async () => {
    const { code, stdout } = await lcdnn('inspect', bundle);
    expect(code).toBe(0);
    expect(stdout).toContain(json(join(about, 'provenance.json')).data.fingerprint);
    expect(stdout).toMatch(/tuned by +exact, objective accuracy/);
  });

  it('refuses the provenance of another bundle and a changed file', async () => {
    const [stolen, damaged] = [copyWithAbout(), copyWithAbout()];
    const record = json(join(about, 'provenance.json'));
    editJson(`${stolen}.about/provenance.json`, { bundle: { ...record.bundle, manifest: '0'.repeat(64) } });
    await expectMistake(['inspect', stolen], /expected the provenance of .*, found that of another bundle/);
    writeFileSync(join(damaged, 'lcdnn.js'), 'x');
    await expectMistake(['inspect', damaged], /lcdnn.js: expected \d+ bytes, found 1/);
  });
});

describe('export --check', () => {
  it('finds every file identical, with the options of the first export', async () => {
    const { code, stdout } = await lcdnn('export', run, '--check', bundle, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ identical: true, changed: [], differentInputs: [] });
    expect(code).toBe(0);
  });

  it('names the files that differ and the inputs that explain it, and ends with 3', async () => {
    const other = copyOf(run);
    const tau = json(join(run, 'tau.json'));
    editJson(join(other, 'tau.json'), { tau: tau.tau / 2 });
    const { code, stdout } = await lcdnn('export', other, '--check', bundle);
    expect(stdout).toMatch(/^manifest.json: [0-9a-f]{12} in the bundle, [0-9a-f]{12} rebuilt$/m);
    expect(stdout).toContain('different from the recorded export: tau');
    expect(code).toBe(3);
  });
});
