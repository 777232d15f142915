// npm run docs:figures - fills in the figures of README and docs from benchmarks/results/; "-- --check" only compares.
import { readResults } from '../../benchmarks/results.js';
import { includeFigures } from './include-figures.js';
import { listPages, readPage, updateOrCheck } from './pages.js';

const results = readResults();
const fill = (page: string): string => {
  try {
    return includeFigures(readPage(page), results);
  } catch (thrown) {
    throw new Error(`${page}: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
};

updateOrCheck(new Map(listPages().map((page) => [page, fill(page)])), 'npm run docs:figures');
