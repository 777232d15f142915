/** Milliseconds as "0", "0.34", "12.3" or "1,234". */
export function milliseconds(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Millijoules as "34 mJ" or "1.23 J". */
export const joules = (millijoules: number): string =>
  millijoules >= 1000 ? `${significant(millijoules / 1000)} J` : `${significant(millijoules)} mJ`;

/** Bytes as "1.2 KB" or "3.4 MB" (powers of 1000). */
export function size(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${significant(bytes / 1e3)} KB` : `${significant(bytes / 1e6)} MB`;
}

/** "2.9×"; two digits below 1. */
export const times = (ratio: number): string => `${ratio < 1 ? Number(ratio.toPrecision(2)) : significant(ratio)}×`;

/** Three digits of a number, or all that stand before its point. */
export const significant = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
