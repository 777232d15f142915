/** 0.00123 as "0.123 %". */
export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
