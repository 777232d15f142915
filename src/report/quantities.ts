import { wholeNumber } from '../base/format.js';

/** Milliseconds with three digits: "0", "0.123", "12.3" or "1,234". */
export function milliseconds(value: number): string {
  if (value === 0) return '0';
  return value < 99.95 ? value.toPrecision(3) : wholeNumber(value);
}

/** Millijoules as "34 mJ" or "1.23 J". */
export const joules = (millijoules: number): string =>
  millijoules >= 1000 ? `${significant(millijoules / 1000)} J` : `${significant(millijoules)} mJ`;

/** "2.9×"; two digits below 1. */
export const times = (ratio: number): string => `${ratio < 1 ? Number(ratio.toPrecision(2)) : significant(ratio)}×`;

/** A number with three significant digits, or with all digits before the decimal point. */
export const significant = (value: number): string =>
  value >= 100 ? wholeNumber(value) : String(Number(value.toPrecision(3)));
