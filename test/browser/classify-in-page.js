// Runs in the page, as text: the test runner would rewrite its import.
async ([pngs, build]) => {
  const { load } = await import(new URL('/lcdnn.js', location.href).href);
  // What the edge answers is compared, not how soon: a busy machine may take its time.
  const model = await load(undefined, { ...build, timeoutMs: Number.POSITIVE_INFINITY });
  const answers = [];
  for (const png of pngs) {
    const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { index, by, unsure } = await model.classify(context.getImageData(0, 0, bitmap.width, bitmap.height));
    answers.push({ index, by, unsure });
  }
  return answers;
};
