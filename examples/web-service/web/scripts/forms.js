// Validate forms.
export function forms(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.forms = settings.locale;
  return settings;
}
