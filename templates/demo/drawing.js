// A canvas to draw on, white on black. Drawings are centred and scaled like the digits of MNIST.

/** In MNIST, a digit fills 20 of the 28 pixels of an image's width. */
const SHARE = 20 / 28;

/** @param onStroke is called with the centred drawing after every stroke */
export function createDrawing(canvas, onStroke) {
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const clear = () => {
    pen.fillStyle = '#000';
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };
  clear();

  let isDrawing = false;
  const place = ({ offsetX, offsetY }) => [
    (offsetX * canvas.width) / canvas.clientWidth,
    (offsetY * canvas.height) / canvas.clientHeight,
  ];
  const draw = (event) => {
    Object.assign(pen, { lineWidth: canvas.width / 13, lineCap: 'round', lineJoin: 'round', strokeStyle: '#fff' });
    pen.lineTo(...place(event));
    pen.stroke();
  };
  canvas.addEventListener('pointerdown', (event) => {
    isDrawing = true;
    canvas.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...place(event));
    draw(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (isDrawing) draw(event);
  });
  for (const type of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(type, () => {
      if (isDrawing) onStroke(centred(canvas, pen));
      isDrawing = false;
    });
  }
  return { clear };
}

/** The drawing, scaled to the size of a digit, in the middle of a black square. */
function centred(canvas, pen) {
  const { width, height } = canvas;
  const { data } = pen.getImageData(0, 0, width, height);
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[4 * (y * width + x)] < 64) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    }
  }
  const size = Math.max(right - left, bottom - top);
  const square = Object.assign(document.createElement('canvas'), { width, height });
  const copy = square.getContext('2d');
  copy.fillRect(0, 0, width, height);
  if (size <= 0) return square;
  const scale = (SHARE * Math.min(width, height)) / size;
  const [w, h] = [(right - left) * scale, (bottom - top) * scale];
  copy.imageSmoothingQuality = 'high';
  copy.drawImage(canvas, left, top, right - left, bottom - top, (width - w) / 2, (height - h) / 2, w, h);
  return square;
}
