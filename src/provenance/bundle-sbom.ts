import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.js';
import type { Provenance } from './provenance.js';

const sha256Of = (content: string) => [{ alg: 'SHA-256', content }];

/**
 * The bill of materials of a bundle in CycloneDX 1.6: its files, the model and the data set. It has no serial number and
 * no time, so that it is reproducible. Nothing of npm is in a bundle: loader and kernels are lcdnn's own.
 */
export function bundleSbom({ bundle, lcdnn, run, data }: Provenance, files: Manifest['files']) {
  const [model, set] = ['model', 'data'];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'application', 'bom-ref': 'bundle', name: bundle.name, version: bundle.version },
      tools: {
        components: [
          { type: 'application', name: 'lcdnn', version: lcdnn.version, purl: `pkg:npm/lcdnn@${lcdnn.version}` },
        ],
      },
    },
    components: [
      {
        type: 'machine-learning-model',
        'bom-ref': model,
        name: String(run.options.network),
        hashes: sha256Of(run.checkpoint),
      },
      { type: 'data', 'bom-ref': set, name: data.dataset, hashes: sha256Of(data.fingerprint) },
      {
        type: 'library',
        'bom-ref': 'lcdnn',
        name: 'lcdnn',
        version: lcdnn.version,
        licenses: [{ license: { id: 'MIT' } }],
      },
      ...[[MANIFEST_FILE, bundle.manifest], ...Object.entries(files).map(([name, { sha256 }]) => [name, sha256])].map(
        ([name, hash]) => ({ type: 'file', 'bom-ref': `file:${name}`, name, hashes: sha256Of(hash) }),
      ),
    ],
    dependencies: [
      { ref: 'bundle', dependsOn: [model, 'lcdnn'] },
      { ref: model, dependsOn: [set] },
    ],
  };
}
