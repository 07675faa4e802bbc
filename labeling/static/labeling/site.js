/* Every page: the theme stays chosen. Everything else works without script. */
"use strict";
addEventListener("change", (event) => {
  if (event.target.name !== "theme") return;
  const theme = event.target.value;
  const secure = location.protocol === "https:" ? "; secure" : "";
  const age = theme === "system" ? 0 : 31536000;
  document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=lax${secure}`;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});
