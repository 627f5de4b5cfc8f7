// Keep state.
export function store(root, options = {}) {
  const settings = { locale: document.documentElement.lang, ...options };
  root.dataset.store = settings.locale;
  return settings;
}
