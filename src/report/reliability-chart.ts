import { axis, PALETTES, renderSvg, type Theme } from './chart.js';
import { colorOf, edges, NARROW, narrowFrame, topFor } from './narrow-chart.js';

export interface ReliabilitySeries {
  readonly name: string;
  /** Mean confidence and accuracy of each bin, in [0, 1]. */
  readonly bins: readonly { readonly confidence: number; readonly accuracy: number }[];
}

/** Accuracy against confidence (reliability diagram). A calibrated network lies on the dashed diagonal. @returns SVG. */
export function reliabilityChart(series: readonly ReliabilitySeries[], theme: Theme): string {
  const names = series.map(({ name }) => name);
  const percentAxis = { type: 'value' as const, min: 0, max: 100, interval: 25 };
  return renderSvg(
    `reliability-${theme}`,
    {
      ...narrowFrame(theme, names),
      grid: { left: 62, right: 20, ...edges(topFor(names)) },
      xAxis: { ...percentAxis, ...axis(theme, 'confidence (%)', 28) },
      yAxis: { ...percentAxis, ...axis(theme, 'accuracy (%)', 44) },
      series: [
        ...series.map(({ name, bins }, i) => ({
          name,
          type: 'line' as const,
          silent: true,
          symbol: 'circle',
          symbolSize: 6,
          data: bins.map(({ confidence, accuracy }) => [100 * confidence, 100 * accuracy]),
          lineStyle: { color: colorOf(i), width: 2 },
          itemStyle: { color: colorOf(i), opacity: 1 },
        })),
        {
          type: 'line' as const,
          silent: true,
          symbol: 'none',
          data: [
            [0, 0],
            [100, 100],
          ],
          lineStyle: { color: PALETTES[theme].exits, width: 1.2, type: 'dashed' as const },
        },
      ],
    },
    340,
    NARROW,
  );
}
