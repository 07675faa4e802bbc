/* Every page: the theme stays chosen. The bench: a break is offered. All works without script. */
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

/* After 50 minutes of work without a break of five, one is offered: once, and never again before
   the next break. It is the rater's to take; nothing of this leaves the browser. */
const offer = document.getElementById("rest");
if (offer) {
  const KEY = "thurstone-work", BEAT = 15e3, LONG = 50 * 60e3, BREAK = 5 * 60e3;
  let touched = Date.now();
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "scroll"]) {
    addEventListener(name, () => { touched = Date.now(); }, { passive: true, capture: true });
  }
  const read = () => { try { return JSON.parse(sessionStorage.getItem(KEY)) || {}; } catch { return {}; } };
  const write = (work) => { try { sessionStorage.setItem(KEY, JSON.stringify(work)); } catch { /* not allowed */ } };
  setInterval(() => {
    const now = Date.now();
    let work = read();
    if (!(now - work.at < BREAK)) work = { ms: 0, told: false, at: now };
    if (document.hasFocus() && now - touched < 60e3) work = { ...work, ms: work.ms + BEAT, at: now };
    if (work.ms >= LONG && !work.told) {
      work.told = true;
      document.body.append(offer.content.cloneNode(true));
      window.thurstoneBench?.announce(document.querySelector(".rest span").textContent);
    }
    write(work);
  }, BEAT);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) document.querySelector(".rest")?.remove();
  });
}
