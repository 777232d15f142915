/**
 * A share as a percentage: 0.98765 is "98.77 %". A half rounds up. With two decimals, a share below 0.01 % keeps two
 * significant digits instead.
 */
export function percent(share: number, decimals = 2): string {
  if (decimals === 2 && share > 0 && share < 1e-4) return `${Number((100 * share).toPrecision(2))} %`;
  // 0.12345 is stored a little below the half, so its decimal digits decide.
  const scale = 10 ** decimals;
  const rounded = Math.round(Number((100 * scale * share).toPrecision(12))) / scale;
  return `${rounded.toFixed(decimals)} %`;
}

/** 1234567 as "1,234,567". */
export const wholeNumber = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Bytes as "1.2 KB", "3.4 MB" or "5.67 GB" (powers of 1000). */
export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

/** The bytes that `79000`, `79KB`, `1.5MB`, `2GB` or `1TB` name (powers of 1000); undefined if it isn't a size. */
export function parseBytes(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?b)?$/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit.toLowerCase()];
}

/** Seconds as "2:05" or "1:02:05". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Rows of text as aligned columns; columns named in `right` are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
