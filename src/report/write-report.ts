import { branchKind } from '../base/exits.js';
import { writeFileAtomic } from '../base/files.js';
import { dataTitle } from '../run/config.js';
import { readResult, readTaus } from '../run/results.js';
import { type Run, readMetrics, runFile } from '../run/run-directory.js';
import { reportHtml } from './report-html.js';

/** Draws `report.html` of a run from what stands in its folder by now. */
export function writeReport(run: Run): void {
  const { config, network } = run;
  const tuned = readResult(run, 'tau');
  const taus = readTaus(run);
  const test = readResult(run, 'test');
  const html = reportHtml({
    title: `${network.name} on ${dataTitle(config)}`,
    kind: branchKind(network),
    config,
    epochs: readMetrics(run),
    tuned,
    // Measured at another threshold, or at none: `evaluate` has to run again.
    test:
      test?.collaborative && `${test.collaborative.tau}` === `${taus}`
        ? { ...test, collaborative: test.collaborative }
        : undefined,
  });
  writeFileAtomic(runFile(run, 'report'), html);
}
