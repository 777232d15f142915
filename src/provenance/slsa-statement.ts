import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.js';
import type { Provenance } from './provenance.js';

const REPOSITORY = 'https://github.com/lcdnn/lcdnn';

/**
 * An in-toto statement (v1) with SLSA provenance (v1) about every file of a bundle. It isn't signed: a pipeline signs it,
 * for example with `cosign attest-blob`. Fields with times and machines are left out, so that it is reproducible.
 */
export function slsaStatement(provenance: Provenance, files: Manifest['files']) {
  const { lcdnn, bundle, run, data, export: exported } = provenance;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: MANIFEST_FILE, digest: { sha256: bundle.manifest } },
      ...Object.entries(files).map(([name, { sha256 }]) => ({ name, digest: { sha256 } })),
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `${REPOSITORY}/blob/main/docs/operate/pipelines.md#build-type`,
        externalParameters: { options: run.options, export: exported, tau: provenance.tau },
        internalParameters: { platform: provenance.platform },
        resolvedDependencies: [
          {
            name: 'lcdnn',
            uri: `git+${REPOSITORY}`,
            ...(lcdnn.commit ? { digest: { gitCommit: lcdnn.commit } } : {}),
          },
          { name: `data set ${data.dataset}`, digest: { sha256: data.fingerprint } },
          { name: 'checkpoint.safetensors', digest: { sha256: run.checkpoint } },
        ],
      },
      runDetails: { builder: { id: REPOSITORY, version: { lcdnn: lcdnn.version } } },
    },
  };
}
