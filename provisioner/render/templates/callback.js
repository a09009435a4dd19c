const given = new URLSearchParams(location.hash.slice(1));
if ([...given].length) {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = location.pathname;
  for (const [name, value] of given) {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.append(field);
  }
  history.replaceState(null, '', location.pathname);
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}
