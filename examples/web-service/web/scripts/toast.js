// Show messages.
export function toast(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.toast = settings.locale;
  return settings;
}
