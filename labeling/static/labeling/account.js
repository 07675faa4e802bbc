/* The account page: a field for a key takes the next key that is pressed in it. */
"use strict";
(() => {
  const table = document.querySelector("table.keys");
  const fields = [...table.querySelectorAll("input")];
  const CAPS = { Enter: "↵", " ": "␣", Backspace: "⌫", Delete: "⌦" };
  for (const hint of document.querySelectorAll("[data-capture]")) hint.hidden = false;

  /* Two fields with one key: said beside them at once, and by the server when it is sent. */
  const check = () => {
    const count = new Map();
    for (const { value } of fields) count.set(value, (count.get(value) || 0) + 1);
    for (const field of fields) {
      const isTwin = count.get(field.value) > 1;
      field.toggleAttribute("aria-invalid", false);
      if (isTwin) field.setAttribute("aria-invalid", "true");
      const note = field.closest("tr").lastElementChild;
      note.dataset.note ??= note.querySelector(".bad") ? "" : note.textContent;
    }
    for (const row of table.tBodies[0].rows) {
      const note = row.lastElementChild;
      if (note.dataset.note === undefined) continue;
      const isWrong = Boolean(row.querySelector("[aria-invalid]"));
      note.textContent = isWrong ? table.dataset.taken : note.dataset.note;
      note.classList.toggle("text", isWrong);
      note.classList.toggle("bad", isWrong);
    }
  };

  table.addEventListener("keydown", (event) => {
    const { key, code, target } = event;
    if (!fields.includes(target) || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
    const cap = (!event.shiftKey && digit) || CAPS[key] || (key.length === 1 ? key.toUpperCase() : "");
    if (!cap) return;
    event.preventDefault();
    target.value = cap;
    target.select();
    check();
  });
})();
