// A bar chart of the latest entropies. A bar has the colour of who answered; a line shows τ.

const BARS = 60;

/**
 * @returns add(answer, who, replacesLast): `who` also names the colour; `replacesLast` is true when the answer is a later one for
 *   the same image
 */
export function createHistory(canvas) {
  const bars = [];
  const paint = () => {
    const ratio = globalThis.devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const colours = getComputedStyle(canvas);
    const step = width / BARS;
    bars.forEach(({ entropy, who }, i) => {
      pen.fillStyle = colours.getPropertyValue(`--${who}`);
      const tall = Math.max(2, entropy * height);
      pen.fillRect((BARS - bars.length + i) * step, height - tall, Math.max(1, step - 1.5), tall);
    });
    if (bars.length === 0) return;
    pen.fillStyle = colours.getPropertyValue('--ink');
    pen.fillRect(0, Math.min(height - 1, height * (1 - bars.at(-1).tau)), width, 1);
  };
  new ResizeObserver(paint).observe(canvas);
  return ({ entropy, tau }, who, replacesLast) => {
    if (replacesLast) bars.pop();
    bars.push({ entropy, tau, who });
    if (bars.length > BARS) bars.shift();
    paint();
  };
}
