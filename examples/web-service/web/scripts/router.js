// Follow links.
export function router(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.router = settings.locale;
  return settings;
}
