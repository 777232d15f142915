import { describe, expect, it } from 'vitest';
import { printCell, printTable } from '../../benchmarks/print-table.js';
import { printResult, type Result } from '../../benchmarks/results.js';
import { includeFigures } from './include-figures.js';

const speed: Result = {
  origin: 'measured',
  command: 'npm run bench:speed',
  date: '2026-11-28',
  commit: '0123456789ab',
  processor: 'A processor, 2 cores',
  versions: { node: '22.1.0' },
  figures: { ratio: 4.26, text: '11, 25' },
  tables: {
    main: {
      columns: [{ title: 'network' }, { title: 'time', digits: 1, unit: ' ms' }, { title: 'bytes' }],
      rows: [
        ['LeNet', 1.25, 12345],
        ['VGG16', null, 3],
      ],
    },
  },
};
const results = new Map([['speed', speed]]);

describe('figures in a page', () => {
  it('replaces what stands between the markers, whatever it was, and again gives the same', () => {
    const page =
      'It is <!-- figure speed:ratio 1 -->999<!-- /figure --> times faster (<!-- figure speed:text --><!-- /figure -->).';
    const filled = includeFigures(page, results);
    expect(filled).toBe(
      'It is <!-- figure speed:ratio 1 -->4.3<!-- /figure --> times faster (<!-- figure speed:text -->11, 25<!-- /figure -->).',
    );
    expect(includeFigures(filled, results)).toBe(filled);
  });

  it('prints a table with its origin', () => {
    const filled = includeFigures('A\n<!-- table speed:main -->\nold\n<!-- /table -->\nB', results);
    expect(filled).toContain(
      '| network | time | bytes |\n| --- | --: | --: |\n| LeNet | 1.3 ms | 12,345 |\n| VGG16 |  | 3 |',
    );
    expect(filled).toContain(
      'Measured: `npm run bench:speed`, 2026-11-28, commit 0123456, A processor, 2 cores, node 22.1.0.',
    );
    expect(includeFigures(filled, results)).toBe(filled);
  });

  it('prints the origin once, below the last table of a result', () => {
    const two = new Map([['speed', { ...speed, tables: { a: speed.tables.main, b: speed.tables.main } }]]);
    const filled = includeFigures(
      '<!-- table speed:a -->\n<!-- /table -->\n<!-- table speed:b -->\n<!-- /table -->',
      two,
    );
    expect(filled.split('<sub>')).toHaveLength(2);
    expect(filled.indexOf('<sub>')).toBeGreaterThan(filled.indexOf('table speed:b'));
  });

  it('marks figures that were transcribed', () => {
    const old = new Map([['speed', { ...speed, origin: 'transcribed' as const, note: 'From an older page.' }]]);
    expect(includeFigures('<!-- table speed:main -->\n<!-- /table -->', old)).toMatch(
      /<sub>Measured earlier and transcribed: .* From an older page\.<\/sub>/,
    );
  });

  it.each([
    ['<!-- figure other:ratio -->1<!-- /figure -->', /other\.json doesn't exist \(speed\)/],
    ['<!-- figure speed:nothing -->1<!-- /figure -->', /no such figure; the file has ratio, text/],
    ['<!-- table speed:nothing -->\n<!-- /table -->', /no such table; the file has main/],
    ['<!-- figure speed -->1<!-- /figure -->', /expected NAME:key/],
    ['<!-- figure speed:ratio -->1', /expected 1 "<!-- \/figure -->", found 0/],
  ])('refuses %s', (page, message) => {
    expect(() => includeFigures(page, results)).toThrow(message);
  });

  it.each([
    [0.00123456, undefined, '0.00123'],
    [12345.6, undefined, '12,346'],
    [999, undefined, '999'],
    [2, 2, '2.00'],
    ['text', 2, 'text'],
    [null, 2, ''],
  ])('prints %s with %s digits as "%s"', (cell, digits, text) => {
    expect(printCell(cell, digits)).toBe(text);
  });

  it('aligns a column of numbers to the right unless it says otherwise', () => {
    const table = printTable({ columns: [{ title: 'a', align: 'left' }, { title: 'b' }], rows: [[1, 2]] });
    expect(table.split('\n')[1]).toBe('| --- | --: |');
  });
});

describe('a result file', () => {
  it('holds a row of a table on one line and reads back as it was', () => {
    const printed = printResult(speed);
    expect(printed).toContain('["LeNet", 1.25, 12345]');
    expect(printed).toContain('["VGG16", null, 3]');
    expect(JSON.parse(printed)).toEqual(speed);
  });
});
