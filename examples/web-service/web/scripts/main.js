// Start.
export function main(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.main = settings.locale;
  return settings;
}
