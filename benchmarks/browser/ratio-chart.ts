import { axis, frame, PALETTES, renderSvg } from '../../src/report/chart.js';

const ROW = 26;
const [TOP, BOTTOM] = [60, 62];
/** Approximate width of a letter in pixels. */
const LETTER = 7.2;

/** Bars show how many times faster lcdnn is, dots the goals. @returns SVG. */
export function ratioChart(rows: readonly { title: string; ratio: number; goal: number }[]): string {
  const palette = PALETTES.light;
  const names = ['lcdnn against onnxruntime-web (fp32)', 'goal'];
  const shared = frame('light', names);
  const labels = { color: palette.text, fontSize: 13, interval: 0 };
  const bare = { axisTick: { show: false }, axisLine: { show: false } };
  return renderSvg(
    'browser-ratio',
    {
      ...shared,
      legend: { ...shared.legend, itemWidth: 14, itemStyle: { opacity: 1 } },
      grid: {
        left: 28 + LETTER * Math.max(...rows.map(({ title }) => title.length)),
        right: 90,
        top: TOP,
        bottom: BOTTOM,
        outerBoundsMode: 'none',
      },
      xAxis: { type: 'value', min: 0, ...axis('light', 'times as fast', 32) },
      yAxis: [
        { type: 'category', inverse: true, data: rows.map(({ title }) => title), ...bare, axisLabel: labels },
        {
          type: 'category',
          inverse: true,
          data: rows.map(({ ratio }) => ratio.toFixed(1)),
          ...bare,
          axisLabel: labels,
        },
      ],
      series: [
        {
          name: names[0],
          type: 'bar',
          silent: true,
          barWidth: 13,
          data: rows.map(({ ratio }) => ratio),
          itemStyle: { color: palette.branch },
        },
        {
          name: names[1],
          type: 'scatter',
          silent: true,
          symbolSize: 9,
          data: rows.map(({ goal }) => goal),
          itemStyle: { color: palette.chosen, borderColor: palette.background, borderWidth: 1.5, opacity: 1 },
          z: 5,
        },
      ],
    },
    TOP + BOTTOM + ROW * rows.length,
  );
}
