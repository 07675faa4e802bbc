/* The bench: texts that arrive over time, and what is measured of a judgment.

   The page brings both texts whole. An arm that paces hides them and shows them piece by piece, at
   the times that #pair carries; what is hidden keeps its place, so nothing moves when it comes.
   Measured are counts, lengths and times, never what was written, copied or pasted. */
"use strict";
(() => {
  const bench = window.thurstoneBench;
  if (!bench) return;
  const $ = (selector, root = document) => root.querySelector(selector);
  const SIDES = { left: "a", right: "b" };
  const article = (side) => document.getElementById(SIDES[side]);
  const text = (side) => $(":scope > .prose", article(side) || document.createElement("i"));
  const bothSides = (give) => Object.fromEntries(Object.keys(SIDES).map((side) => [side, give(side)]));
  const someSides = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

  /* Pieces: the runs of text below an element, and what cannot come in part, in their order. */
  const ENTIRE = "math, svg, img, video, audio, button, input, select, textarea, hr, br, summary";
  const LONGEST_WORD = 40;
  const piecesOf = (root) => {
    const pieces = [];
    let end = 0;
    const add = (node, size, isEntire) => { pieces.push({ node, isEntire, parent: node.parentNode, from: end, size, shown: 0 }); end += size; };
    const walk = (parent) => {
      for (const node of parent.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) { if (node.data.trim()) add(node, node.data.length, false); }
        else if (node.nodeType !== Node.ELEMENT_NODE) continue;
        else if (node.matches(ENTIRE)) add(node, Math.max(1, node.textContent.trim().length), true);
        else walk(node);
      }
    };
    walk(root);
    return { pieces, size: end };
  };
  /* How much of a run of text may be seen when `reached` characters have come: whole words, so that
     no letter changes its shape; in scripts without spaces, and in very long words, whole characters. */
  const DENSE = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;
  const cut = (data, reached) => {
    if (reached >= data.length) return data.length;
    let start = reached, end = reached;
    while (start > 0 && reached - start < LONGEST_WORD && !/\s/.test(data[start - 1])) start -= 1;
    while (end < data.length && end - start < LONGEST_WORD && !/\s/.test(data[end])) end += 1;
    if (end - start < LONGEST_WORD && !DENSE.test(data.slice(start, end))) return start;
    let at = reached;
    while (at > 0 && (/^(?:[\p{M}\u200d]|[\udc00-\udfff])/u.test(data.slice(at, at + 2)) || data[at - 1] === "\u200d")) at -= 1;
    return at;
  };

  /* One side, hidden and then shown from its beginning on. A run of text waits in a span that goes
     when all of it is there. What is shown of it before is a new node each time, not one that grows:
     to the browser a growing line may seem to move. */
  const rests = new WeakMap();
  const appear = (node) => {
    node.classList.remove("to-come");
    if (!node.classList.length) node.removeAttribute("class");
  };
  const hideWithin = (parent) => {
    for (const node of [...parent.childNodes]) {
      if (node.nodeType === Node.ELEMENT_NODE) node.classList.add("to-come");
      else if (node.nodeType === Node.TEXT_NODE && node.data.trim()) {
        const rest = document.createElement("span");
        rest.className = "to-come";
        node.replaceWith(rest);
        rest.append(node);
        rests.set(node, rest);
      }
    }
  };
  const begun = (side, times) => {
    const root = text(side), box = article(side);
    const { pieces, size } = piecesOf(root);
    hideWithin(root);
    box.setAttribute("aria-busy", "true");
    const pill = $("#arriving-pill")?.content.firstElementChild.cloneNode(true);
    if (pill) $("h2", box)?.after(pill);
    return { root, box, pill, pieces, size, times, next: 0, opened: new Set([root]), share: 0, isWhole: false };
  };
  const open = (side, parent) => {
    if (side.opened.has(parent)) return;
    open(side, parent.parentNode);
    side.opened.add(parent);
    hideWithin(parent);
    appear(parent);
  };
  const showPiece = (side, piece, length) => {
    if (length <= piece.shown) return;
    piece.shown = length;
    open(side, piece.parent);
    if (piece.isEntire) { appear(piece.node); return; }
    const rest = rests.get(piece.node);
    piece.head?.remove();
    if (length >= piece.size) { rest.replaceWith(piece.node); return; }
    piece.head = document.createTextNode(piece.node.data.slice(0, length));
    rest.replaceChildren(piece.node.data.slice(length));
    rest.before(piece.head);
  };
  const shareAt = ({ times }, ms) => {
    const last = times.length - 1;
    if (ms >= times[last]) return 1;
    if (ms < times[0]) return 0;
    let step = 0;
    while (step + 1 < last && times[step + 1] <= ms) step += 1;
    const span = times[step + 1] - times[step];
    return (step + (span > 0 ? (ms - times[step]) / span : 1)) / last;
  };
  const showUntil = (side, share) => {
    if (side.isWhole) return;
    side.share = Math.max(side.share, share);
    const reached = side.share >= 1 ? side.size : Math.floor(side.share * side.size);
    while (side.next < side.pieces.length) {
      const piece = side.pieces[side.next];
      const length = Math.min(piece.size, reached - piece.from);
      if (length < piece.size) {
        if (!piece.isEntire) showPiece(side, piece, cut(piece.node.data, Math.max(0, length)));
        break;
      }
      showPiece(side, piece, piece.size);
      side.next += 1;
    }
    if (side.share < 1) return;
    // What has no text (a rule, an empty cell) is the last to be left hidden.
    side.root.querySelectorAll(".to-come").forEach(appear);
    side.isWhole = true;
    side.box.removeAttribute("aria-busy");
    side.pill?.remove();
  };

  /* The arrival of both, on a clock that stands still while the tab is hidden. */
  const STILL = 1000;
  let run = null, shown = null;
  const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches
    || document.documentElement.dataset.movement === "none";
  const frame = (now) => {
    if (!run) return;
    const passed = Math.max(0, now - run.last);
    run.last = now;
    if (passed < STILL) run.ms += passed;
    for (const side of run.sides) showUntil(side, shareAt(side, run.ms));
    if (run.sides.every((side) => side.isWhole)) whole(false);
    else run.frame = requestAnimationFrame(frame);
  };
  const shares = () => ({ left: run.sides[0].share, right: run.sides[1].share });
  const whole = (isEarly) => {
    if (!run) return;
    if (isEarly) Object.assign(shown, { revealed_early: true, shown_share: shares() });
    cancelAnimationFrame(run.frame);
    for (const side of run.sides) showUntil(side, 1);
    Object.assign(shown, { arrival_ms: run.ms, arrival_hidden_ms: run.hiddenMs });
    run.toast?.remove();
    run = null;
    bench.lock(null);
    bench.announce($("#arriving")?.dataset.whole);
    look();
  };
  const arrive = () => {
    const pair = $("#pair");
    const times = (name) => (pair?.dataset[name] || "").split(" ").filter(Boolean).map(Number);
    const left = times("left"), right = times("right");
    shown = { shown_as: "instant" };
    run = null;
    if (!pair?.dataset.arrives) return;
    if (left.length < 2 || right.length < 2) { shown.instant_because = pair.dataset.because; return; }
    if (isStill()) { shown.instant_because = "reduced_motion"; delete pair.dataset.arrives; return; }
    shown.shown_as = pair.dataset.arrives;
    const locks = "locks" in pair.dataset;
    const words = $("#arriving");
    const toast = words?.content.firstElementChild.cloneNode(true);
    if (toast) {
      $("span", toast).textContent = locks ? words.dataset.locked : words.dataset.open;
      if (!locks) $("svg", toast)?.remove();
      $("#say")?.append(toast);
    }
    run = { sides: [begun("left", left), begun("right", right)], ms: 0, last: performance.now(), hiddenMs: 0, hiddenAt: null, toast };
    // From here on the script hides what is to come; until now the stylesheet did.
    delete pair.dataset.arrives;
    if (locks) bench.lock(words?.dataset.locked || "…");
    else bench.announce(words?.dataset.open);
    run.frame = requestAnimationFrame(frame);
  };
  document.addEventListener("visibilitychange", () => {
    if (!run) return;
    const now = performance.now();
    if (document.hidden) run.hiddenAt = now;
    else if (run.hiddenAt !== null) { run.hiddenMs += now - run.hiddenAt; run.hiddenAt = null; run.last = now; }
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-do=show]")) whole(true); });

  /* What is measured, from the moment a card is in place. */
  let seen = null, tops = null, looking = false;
  const chosen = () => ($("form.work [name=both_bad]:checked") ? "both_bad" : $("form.work [name=verdict]:checked")?.value || "");
  const focused = () => Math.round(bench.focusedMs());
  const measure = () => {
    seen = {
      first_choice_ms: null, first_scroll_ms: { left: null, right: null }, full_read_ms: { left: null, right: null },
      blur_count: 0, return_count: 0, away_ms: 0, away_longest_ms: 0, left_at: null,
      copy_count: 0, copies: [], paste_count: 0, pastes: [],
      keystrokes: 0, typed_chars: 0, verdict_changes: 0, verdict: chosen(),
    };
    tops = bothSides((side) => text(side)?.getBoundingClientRect().top ?? 0);
    look();
  };
  const leave = () => {
    if (!seen || seen.left_at !== null) return;
    seen.blur_count += 1;
    seen.left_at = performance.now();
  };
  const comeBack = () => {
    if (!seen || seen.left_at === null || document.hidden) return;
    const away = performance.now() - seen.left_at;
    seen.left_at = null;
    seen.return_count += 1;
    seen.away_ms += away;
    seen.away_longest_ms = Math.max(seen.away_longest_ms, away);
  };
  addEventListener("blur", leave);
  addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : document.hasFocus() && comeBack()));

  /* Whether a side has moved under the reader's eyes, and whether its end has been before them. */
  const MOVED = 8;
  const look = () => {
    if (!seen || looking) return;
    looking = true;
    requestAnimationFrame(() => {
      looking = false;
      if (!seen || document.hidden) return;
      const floor = $(".dock")?.getBoundingClientRect().top ?? innerHeight;
      for (const side of Object.keys(SIDES)) {
        const box = text(side)?.getBoundingClientRect();
        if (!box || box.right <= 0 || box.left >= innerWidth) continue;
        if (seen.first_scroll_ms[side] === null && Math.abs(box.top - tops[side]) > MOVED) seen.first_scroll_ms[side] = focused();
        const isWhole = !run || run.sides[side === "left" ? 0 : 1].isWhole;
        if (isWhole && seen.full_read_ms[side] === null && box.bottom - parseFloat(getComputedStyle(text(side)).paddingBottom) <= floor) seen.full_read_ms[side] = focused();
      }
    });
  };
  addEventListener("scroll", look, { passive: true, capture: true });
  addEventListener("resize", look, { passive: true });

  document.addEventListener("change", ({ target }) => {
    if (!seen || (target.name !== "verdict" && target.name !== "both_bad") || !bench.work()?.contains(target)) return;
    const verdict = chosen();
    if (!verdict || verdict === seen.verdict) return;
    if (seen.first_choice_ms === null) seen.first_choice_ms = focused();
    if (seen.verdict) seen.verdict_changes += 1;
    seen.verdict = verdict;
  });

  const FIELDS = { why: "rationale", edited: "edit" };
  const place = (node) => {
    const at = node?.nodeType === Node.ELEMENT_NODE ? node : node?.parentElement;
    if (!at) return "other";
    const field = at.closest("textarea, input");
    if (field) return FIELDS[field.id] || (field.name === "edited_text" ? "edit" : "other");
    if (at.closest("#a")) return "left";
    if (at.closest("#b")) return "right";
    return at.closest(".prompt, .pin") ? "prompt" : "other";
  };
  const MOST = 20;
  const note = (list, count, entry) => {
    if (!seen || !(entry.chars > 0)) return;
    seen[count] += 1;
    if (seen[list].length < MOST) seen[list].push(entry);
  };
  const copied = ({ target }) => {
    const field = target.closest?.("textarea, input");
    const chars = field ? field.selectionEnd - field.selectionStart : String(getSelection()).length;
    note("copies", "copy_count", { from: place(field || getSelection().anchorNode || target), chars });
  };
  document.addEventListener("copy", copied);
  document.addEventListener("cut", copied);
  document.addEventListener("click", ({ target }) => {
    const side = target.closest("[data-copy]")?.dataset.copy;
    const from = Object.keys(SIDES).find((each) => SIDES[each] === side);
    if (from) note("copies", "copy_count", { from, chars: text(from)?.innerText.length });
  });
  const pasted = (target, data) => note("pastes", "paste_count", { into: place(target), chars: (data?.getData("text") || "").length });
  document.addEventListener("paste", (event) => pasted(event.target, event.clipboardData));
  document.addEventListener("drop", (event) => pasted(event.target, event.dataTransfer));

  document.addEventListener("keydown", (event) => {
    if (!seen || event.target.id !== "why" || event.ctrlKey || event.metaKey || event.repeat) return;
    const { key } = event;
    if (key.length === 1 || ["Backspace", "Delete", "Enter", "Process", "Unidentified", "Dead"].includes(key)) seen.keystrokes += 1;
  });
  document.addEventListener("input", ({ target, inputType, data }) => {
    if (!seen || target.id !== "why") return;
    if (inputType === "insertText") seen.typed_chars += data?.length || 0;
    else if (inputType === "insertLineBreak" || inputType === "insertParagraph") seen.typed_chars += 1;
  });
  document.addEventListener("compositionend", ({ target, data }) => {
    if (seen && target.id === "why") seen.typed_chars += data?.length || 0;
  });

  document.addEventListener("bench:begin", () => { arrive(); measure(); });
  document.addEventListener("bench:end", () => {
    if (run) { cancelAnimationFrame(run.frame); run = null; }
    seen = null;
  });
  document.addEventListener("bench:collect", ({ detail: { data } }) => {
    if (!seen || !shown) return;
    const { verdict, left_at: leftAt, first_choice_ms: firstChoice, first_scroll_ms: scrolled, full_read_ms: read, ...counts } = seen;
    const now = performance.now();
    const away = leftAt === null ? 0 : now - leftAt;
    const soFar = run ? { shown_share: shares(), arrival_ms: run.ms, arrival_hidden_ms: run.hiddenMs } : {};
    data.shown_as = shown.shown_as;
    data.telemetry = JSON.stringify({
      ...counts, ...soFar, ...shown,
      first_choice_ms: firstChoice ?? undefined,
      first_scroll_ms: someSides(scrolled), full_read_ms: someSides(read),
      away_ms: counts.away_ms + away, away_longest_ms: Math.max(counts.away_longest_ms, away),
    }, (_, value) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value));
  });
})();
