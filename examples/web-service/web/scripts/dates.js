// Format dates.
export function dates(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.dates = settings.locale;
  return settings;
}
