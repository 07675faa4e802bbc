/* What a text offers beside being read: a copy key in the corner of each block of code, and large
   images at full size. Buttons of their own, so that they answer to Tab, Enter and touch. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const button = (id, what) => {
    const made = $("#" + id);
    const key = made.content.firstElementChild.cloneNode(true);
    key.setAttribute("aria-label", what ? `${made.dataset.label}: ${what}` : made.dataset.label);
    return key;
  };
  const copied = () => window.thurstoneBench?.announce($("#copy-code").dataset.copied);

  const offerCopy = (box) => {
    const code = $("pre", box);
    if (!code || $(":scope > .copy", box)) return;
    const key = button("copy-code", code.getAttribute("aria-label"));
    key.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      copied();
    });
    box.append(key);
  };

  /* Only where the page shows less than there is. */
  const offerSize = (figure) => {
    const image = $("img", figure);
    if (!image || $(":scope > .copy", figure) || image.width >= Number(image.getAttribute("width"))) return;
    const key = button("enlarge", image.alt);
    key.addEventListener("click", () => {
      const isFull = figure.classList.toggle("full");
      key.setAttribute("aria-pressed", String(isFull));
      figure.tabIndex = isFull ? 0 : -1;
      if (isFull) figure.setAttribute("role", "group");
      if (isFull) figure.setAttribute("aria-label", image.alt);
    });
    figure.append(key);
  };

  const offer = () => {
    if (navigator.clipboard) all(".work .code").forEach(offerCopy);
    all(".work .picture").forEach(offerSize);
  };
  document.addEventListener("bench:begin", offer);

  /* On a phone one response is in view at a time. Its tab is the current one; going to the other by
     its tab is no step that the browser's Back would have to undo. */
  let view = null;
  const tab = (id) => $(`.switch a[href="#${id}"]`);
  const watch = () => {
    view?.disconnect();
    view = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting) tab(target.id)?.setAttribute("aria-current", "true");
        else tab(target.id)?.removeAttribute("aria-current");
      }
    }, { root: $("#pair"), rootMargin: "0px -45%" });
    all("#pair > .response").forEach((response) => view.observe(response));
  };
  document.addEventListener("bench:begin", watch);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".switch a");
    if (!link) return;
    event.preventDefault();
    location.replace(link.href);
  });
})();
