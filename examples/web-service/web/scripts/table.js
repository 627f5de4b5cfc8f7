// Sort tables.
export function table(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.table = settings.locale;
  return settings;
}
