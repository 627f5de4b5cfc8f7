// Format money.
export function money(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.money = settings.locale;
  return settings;
}
