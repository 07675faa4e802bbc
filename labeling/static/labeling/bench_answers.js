/* The bench: what is answered beside the verdict. An edit of the winner with its words compared as
   they are typed, clauses found by typing, grades by digits, the length of a reason.
   Everything here is a form field that works without this. */
"use strict";
(() => {
  const bench = window.thurstoneBench;
  if (!bench) return;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const changed = (field) => field.dispatchEvent(new Event("change", { bubbles: true }));

  /* Words of a text, each with the white space after it, as labeling/rendering/differences.py. */
  const SIGN = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff";
  const POINT = "!-/:-@\\[-^`{-~\\u00a1-\\u00bf\\u2010-\\u205e\\u3000-\\u303f\\uff01-\\uff0f";
  const WORD = new RegExp(`(?:[${SIGN}]|[^\\s${POINT}${SIGN}]+|[${POINT}]|^)\\s*`, "g");
  const LARGEST = 1_500_000;
  const words = (text) => (text.match(WORD) || []).filter(Boolean);
  const bare = (word) => word.trim();
  /* Runs that stay, go and come: [kind, text]. Beyond LARGEST the middle counts as changed. */
  const compare = (from, to) => {
    const one = words(from), other = words(to);
    const a = one.map(bare), b = other.map(bare);
    let start = 0, end = 0;
    const least = Math.min(a.length, b.length);
    while (start < least && a[start] === b[start]) start += 1;
    while (end < least - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
    const n = a.length - start - end, m = b.length - start - end;
    const runs = [];
    let came = 0, gone = 0;
    const add = (kind, text) => {
      if (kind === "ins") came += 1; else if (kind === "del") gone += 1;
      if (runs.at(-1)?.[0] === kind) runs.at(-1)[1] += text; else runs.push([kind, text]);
    };
    for (let j = 0; j < start; j += 1) add("", other[j]);
    if (n * m > LARGEST) {
      for (let i = 0; i < n; i += 1) add("del", one[start + i]);
      for (let j = 0; j < m; j += 1) add("ins", other[start + j]);
    } else {
      const width = m + 1, longest = new Uint16Array((n + 1) * width);
      for (let i = n - 1; i >= 0; i -= 1) {
        for (let j = m - 1; j >= 0; j -= 1) {
          longest[i * width + j] = a[start + i] === b[start + j]
            ? longest[(i + 1) * width + j + 1] + 1
            : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
        }
      }
      let i = 0, j = 0;
      while (i < n || j < m) {
        if (i < n && j < m && a[start + i] === b[start + j]) { add("", other[start + j]); i += 1; j += 1; }
        else if (j >= m || (i < n && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) { add("del", one[start + i]); i += 1; }
        else { add("ins", other[start + j]); j += 1; }
      }
    }
    for (let j = other.length - end; j < other.length; j += 1) add("", other[j]);
    return { runs, came, gone };
  };

  /* The edit. */
  const sheet = () => $("#edit");
  const original = (side) => $(`#original-${side}`)?.content.textContent ?? "";
  const winner = () => /^(left|right)/.exec($("[name=verdict]:checked")?.value ?? "")?.[1] ?? "";
  const side = () => $("[name=edited_side]:checked", sheet())?.value ?? "";
  const choose = (value) => {
    for (const radio of all("[name=edited_side]", sheet())) radio.checked = radio.value === value;
  };
  let drawing = 0;
  const draw = () => {
    const box = sheet();
    if (!box) return;
    const text = $("#edited").value, of = side();
    const isSet = Boolean(of && text);
    const mark = $("#edit-side");
    mark.textContent = of ? { left: "A", right: "B" }[of] : "?";
    mark.className = `side ${{ left: "a", right: "b" }[of] ?? ""}`;
    const { runs, came, gone } = isSet ? compare(original(of), text) : { runs: [], came: 0, gone: 0 };
    $("#edit-in").textContent = isSet ? `+${came}` : "";
    $("#edit-out").textContent = isSet ? `−${gone}` : "";
    $("#edit-diff").replaceChildren(...runs.map(([kind, run]) => {
      if (!kind) return document.createTextNode(run);
      const node = document.createElement(kind);
      node.textContent = run;
      return node;
    }));
    $("[data-do=edit]")?.toggleAttribute("data-set", came + gone > 0);
    $("[data-edit=back]", box).hidden = !isSet;
  };
  const drawSoon = () => { cancelAnimationFrame(drawing); drawing = requestAnimationFrame(draw); };
  /* The winner's text is brought when the sheet opens; what was typed for it stays. */
  const start = () => {
    const of = winner();
    const field = $("#edited");
    if (side() !== of || !field.value) { field.value = original(of); field.setSelectionRange(0, 0); choose(of); }
    draw();
  };
  const same = (text) => text.replace(/\r\n?/g, "\n").trim();
  const finish = () => {
    const field = $("#edited");
    if (side() && same(field.value) === same(original(side()))) { field.value = ""; choose(""); }
    draw();
    changed(field);
  };
  document.addEventListener("beforetoggle", (event) => {
    if (event.target.id !== "edit" || event.newState !== "open") return;
    if (winner()) start();
    else {
      event.preventDefault();
      bench.announce(sheet().dataset.choose);
      const toast = document.createElement("div");
      toast.className = "toast";
      toast.textContent = sheet().dataset.choose;
      $("#say")?.replaceChildren(toast);
      ($(".scale :checked") ?? $(".scale input"))?.focus();
    }
  }, true);
  document.addEventListener("toggle", (event) => {
    if (event.target.id === "edit" && event.newState === "open") $("#edited").focus();
    if (event.target.id === "edit" && event.newState === "closed") finish();
    if (event.target.id === "clauses" && event.newState === "open") filter("");
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target.id === "edited") drawSoon();
    if (event.target.id === "clause-filter") filter(event.target.value);
    if (event.target.id === "why") measure();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-edit=back]")) return;
    $("#edited").value = "";
    choose("");
    sheet().hidePopover();
  });

  /* Clauses: typing leaves those that fit, Enter takes the first of them. */
  const rows = () => all("#clauses li");
  const filter = (typed) => {
    const box = $("#clause-filter");
    if (!box) return;
    if (box.value !== typed) box.value = typed;
    const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows()) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
    }
    const none = $("#clauses [data-none]");
    if (none) none.hidden = rows().some((row) => !row.hidden);
  };
  const cite = () => {
    const shown = $(".cite .cited");
    if (shown) shown.textContent = all("#clauses :checked").map((input) => input.value).join(" ");
  };
  document.addEventListener("change", (event) => {
    if (event.target.name === "clauses") cite();
  });

  /* A reason's length, counted as the server does. */
  const measure = () => {
    const count = $("#why-count"), why = $("#why");
    if (!count || !why) return;
    const length = [...why.value.trim()].length, least = Number(count.dataset.least);
    count.textContent = `${length}/${least}`;
    count.toggleAttribute("data-enough", length >= least);
  };

  /* Before the keys of the bench: what a digit, Enter or an arrow means inside these. */
  const grade = (input, digit) => {
    const group = input.closest(".grade");
    const chosen = $(`input[value="${digit}"]`, group);
    if (!chosen) return false;
    chosen.click();
    const next = group.nextElementSibling;
    // From A to B, from B back to the verdict.
    (next?.matches(".grade") ? $(":checked", next) ?? $("input", next) : $(".scale :checked") ?? $(".scale input"))?.focus({ preventScroll: true });
    return true;
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.isComposing || event.altKey) return;
    const stop = () => { event.preventDefault(); event.stopPropagation(); };
    if (target.id === "edited") {
      if (key === "Escape" || (key === "Enter" && (event.ctrlKey || event.metaKey))) { sheet().hidePopover(); stop(); }
      return;
    }
    if (target.id === "clause-filter") {
      const first = $("#clauses li:not([hidden]) input");
      if (key === "Enter") { if (first) { first.click(); filter(""); } stop(); }
      else if (key === "ArrowDown" && first) { first.focus(); stop(); }
      return;
    }
    const inList = target.closest?.("#clauses li, #flag .check");
    if (inList && key === "Enter") { inList.closest("[popover]").hidePopover(); stop(); return; }
    if (inList && target.name === "clauses" && (key === "ArrowDown" || key === "ArrowUp")) {
      const boxes = all("#clauses li:not([hidden]) input");
      const to = boxes[boxes.indexOf(target) + (key === "ArrowDown" ? 1 : -1)];
      (to ?? (key === "ArrowUp" ? $("#clause-filter") : null))?.focus();
      stop();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.shiftKey || bench.isBusy()) return;
    const digit = /^(?:Digit|Numpad)([1-7])$/.exec(event.code)?.[1];
    if (digit && target.closest?.(".grade") && grade(target, digit)) stop();
  }, true);

  document.addEventListener("bench:begin", () => {
    const box = sheet();
    // A page that came without a script shows it in place; with one it opens again.
    if (box && !box.hasAttribute("popover")) box.setAttribute("popover", "");
    if (box) box.classList.add("scripted");
    const filterBox = $("#clause-filter");
    if (filterBox) filterBox.hidden = false;
    draw();
    cite();
    measure();
  });
})();
