// Shortcuts.
export function keyboard(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.keyboard = settings.locale;
  return settings;
}
