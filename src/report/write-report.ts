import { branchKind } from '../base/exits.js';
import { writeFileAtomic } from '../base/files.js';
import { dataTitle } from '../run/config.js';
import { readExitRule, readGalleryPictures, readResult } from '../run/results.js';
import { type Run, readMetrics, runFile } from '../run/run-directory.js';
import { reportHtml } from './report-html.js';

/** Writes `report.html` of a run from the files that its folder has so far. */
export function writeReport(run: Run): void {
  const { config, network } = run;
  const tuned = readResult(run, 'tau');
  const taus = readExitRule(run)?.taus;
  const [test, unknown] = [readResult(run, 'test'), readResult(run, 'unknown')];
  const html = reportHtml({
    title: `${network.name} on ${dataTitle(config)}`,
    kind: branchKind(network),
    config,
    epochs: readMetrics(run),
    tuned,
    pictures: readGalleryPictures(run),
    unknown: `${unknown?.tau}` === `${taus}` ? unknown : undefined,
    // These results are for another τ, or for none: `evaluate` has to run again.
    test:
      test?.collaborative && `${test.collaborative.tau}` === `${taus}`
        ? { ...test, collaborative: test.collaborative }
        : undefined,
  });
  writeFileAtomic(runFile(run, 'report'), html);
}
