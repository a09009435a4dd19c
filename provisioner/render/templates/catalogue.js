const bar = document.querySelector('.bar'), input = bar.querySelector('input');
const count = document.querySelector('#count');
const all = [...document.querySelectorAll('article')], chosen = new Set();
function show() {
  const word = input.value.toLowerCase();
  for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(word)
    || (chosen.size > 0 && !chosen.has(one.dataset.state));
  count.textContent = all.filter(one => !one.hidden).length;
}
for (const one of document.querySelectorAll('.scripted')) one.hidden = false;
input.addEventListener('input', show);
for (const button of bar.querySelectorAll('button')) button.addEventListener('click', () => {
  const on = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', on);
  on ? chosen.add(button.value) : chosen.delete(button.value);
  show();
});
document.addEventListener('keydown', event => {
  if (event.key === '/' && event.target !== input) { event.preventDefault(); input.focus(); }
  if (event.key === 'Escape' && event.target === input) { input.value = ''; show(); }
});
for (const button of document.querySelectorAll('button.copy')) button.addEventListener('click', async () => {
  const code = button.previousElementSibling;
  try { await navigator.clipboard.writeText(code.textContent); } catch {
    getSelection().selectAllChildren(code);
    document.execCommand('copy');
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
});
