import { fileSize, percent, table } from '../base/format.js';
import type { Gate, GateUnit } from './gate.js';

const FORMATS: Readonly<Record<GateUnit, (value: number) => string>> = {
  share: percent,
  bytes: fileSize,
  ms: (value) => `${value.toFixed(2)} ms`,
  count: String,
};

const HEADER = ['gate', 'limit', 'value', '95 % interval', 'result'];

function cells({ name, unit, bound, limit, value, interval, confident, passed }: Gate): string[] {
  const format = FORMATS[unit];
  const range = interval ? `${format(interval[0])} to ${format(interval[1])}${confident ? ' (compared)' : ''}` : '';
  return [name, `${bound} ${format(limit)}`, format(value), range, passed ? 'passed' : 'FAILED'];
}

/** Gates as a table for a terminal. */
export const gatesText = (gates: readonly Gate[]): string => table([HEADER, ...gates.map(cells)], [1, 2]);

/** Gates as a section of Markdown. */
export function gatesMarkdown(title: string, gates: readonly Gate[]): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rows = [HEADER, HEADER.map(() => '---'), ...gates.map(cells)];
  return `### ${title}\n\n${rows.map(line).join('\n')}\n`;
}

/** Gates as a JUnit report with one test case each. */
export function gatesJunit(title: string, gates: readonly Gate[]): string {
  const failures = gates.filter(({ passed }) => !passed).length;
  const cases = gates.map((gate) => {
    const [name, limit, value, range] = cells(gate);
    const open = `    <testcase classname="lcdnn" name="${escaped(name)}" time="0"`;
    if (gate.passed) return `${open}/>`;
    const found = `expected ${limit}, found ${value}${range ? `, ${range}` : ''}`;
    return `${open}>\n      <failure message="${escaped(found)}" type="gate">${escaped(found)}</failure>\n    </testcase>`;
  });
  const counts = `tests="${gates.length}" failures="${failures}" errors="0" skipped="0" time="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="lcdnn" ${counts}>`,
    `  <testsuite name="${escaped(title)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>\n',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[<>&"]/g, (sign) => ENTITIES[sign]);
