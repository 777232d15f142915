import { load } from '../BUNDLE/lcdnn.js';

const input = document.getElementById('file');
const answer = document.getElementById('answer');

try {
  const model = await load();
  answer.textContent = '';
  input.disabled = false;
  input.onchange = async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      const { label, by, unsure } = await model.classify(file);
      answer.textContent = `${label}, by the ${by}${unsure ? ' (unsure)' : ''}`;
    } catch (error) {
      answer.textContent = error.message;
    }
  };
} catch (error) {
  answer.textContent = error.message;
}
