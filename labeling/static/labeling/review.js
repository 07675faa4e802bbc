/* A reviewer's page: the bench's keys and texts without its leases, drafts and measures. */
"use strict";
(() => {
  const live = document.getElementById("live");
  window.thurstoneBench = {
    isBusy: () => false,
    announce: (text) => { live.textContent = text || ""; },
  };
  const begin = () => document.dispatchEvent(new CustomEvent("bench:begin", { detail: { first: true } }));
  // The scripts that listen are in the same file, after this one.
  queueMicrotask(begin);
  // What is typed would go with the page: the browser asks first.
  const note = document.getElementById("why");
  let isSending = false;
  document.querySelector("form.work")?.addEventListener("submit", () => { isSending = true; });
  addEventListener("beforeunload", (event) => {
    if (!isSending && note && note.value !== note.defaultValue) event.preventDefault();
  });
})();
