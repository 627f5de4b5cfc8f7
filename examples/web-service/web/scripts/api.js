// Fetch orders.
export function api(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.api = settings.locale;
  return settings;
}
