/* The bench: drafts, active time, sending again. The page works without any of it.

   Other scripts of the bench hear on document: bench:begin {first} when a card is in place,
   bench:collect {data} right before an answer or a draft leaves (they add fields to data), and
   bench:end when a card goes. They call window.thurstoneBench. */
"use strict";
(() => {
  const DRAFT = "thurstone-draft:";
  const DAY = 24 * 3600 * 1000;
  const IDLE = 60 * 1000;
  const WAITS = [2, 4, 8, 15, 30];
  const LIKELY_TO_PASS = [0, 429, 502, 503, 504];
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const work = () => $("form.work");
  const form = (event) => event.detail.elt.closest("form");
  const tell = (name, detail = {}) => document.dispatchEvent(new CustomEvent(`bench:${name}`, { detail }));
  const collected = () => { const data = {}; tell("collect", { data }); return data; };

  /* Active time: the page is in front and somebody has touched it within a minute. */
  let activeMs = 0, since = null, touched = 0;
  const inFront = () => document.visibilityState === "visible" && document.hasFocus();
  const count = () => {
    const now = performance.now();
    if (since !== null) activeMs += Math.max(0, Math.min(now, touched + IDLE) - since);
    since = inFront() && now < touched + IDLE ? now : null;
  };
  const touch = () => { count(); touched = performance.now(); count(); };
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "scroll"]) {
    addEventListener(name, touch, { passive: true, capture: true });
  }
  for (const name of ["focus", "blur"]) addEventListener(name, count);
  document.addEventListener("visibilitychange", count);

  /* Drafts: what is chosen and typed outlives a reload, a crash and a lost network. */
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full */ } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* not allowed */ } },
    keys() { try { return Object.keys(localStorage).filter((key) => key.startsWith(DRAFT)); } catch { return []; } },
  };
  const draftKey = (of = work()) => of && DRAFT + (of.judgment_id || of.assignment_id).value;
  const saveDraft = () => {
    const said = {};
    for (const field of all("[name]", work())) {
      if (field.type === "hidden" || field.name === "hide-prompt") continue;
      if (field.matches("[type=radio], [type=checkbox]")) { if (field.checked) said[field.name] = field.value; }
      else if (field.value) said[field.name] = field.value;
    }
    store.set(draftKey(), { at: Date.now(), said });
  };
  const restoreDraft = () => {
    for (const key of store.keys()) if (!(Date.now() - store.get(key)?.at < DAY)) store.drop(key);
    const draft = store.get(draftKey());
    if (!draft) return;
    for (const field of all("[name]", work())) {
      if (field.type === "hidden" || !(field.name in draft.said)) continue;
      if (field.matches("[type=radio], [type=checkbox]")) field.checked = field.value === draft.said[field.name];
      else field.value = draft.said[field.name];
    }
  };

  /* Messages above the dock. */
  const say = (id) => {
    const box = $("#say");
    if (!box) return;
    const toast = $("#" + id)?.content.cloneNode(true);
    box.replaceChildren(...(toast ? [toast] : []));
  };
  const announce = (text) => { $("#live").textContent = text || ""; };
  const busy = (is) => {
    const dock = $(".dock");
    if (!dock) return;
    if (is) dock.setAttribute("aria-busy", "true");
    else dock.removeAttribute("aria-busy");
  };
  const isBusy = () => Boolean($(".dock")?.hasAttribute("aria-busy"));
  /* While locked, nothing can be chosen or sent; skipping and undoing stay. */
  let locked = null;
  const lock = (reason) => {
    locked = reason || null;
    const dock = $(".dock");
    if (!dock) return;
    dock.toggleAttribute("data-locked", locked !== null);
    for (const part of all(".scale, .both-bad, .criteria, .actions [type=submit]", dock)) part.inert = locked !== null;
    if (locked) announce(locked);
  };

  /* Sending: a judgment that did not get through is sent again; the server stores it once. */
  let waiting = null, tries = 0, pending = null;
  const send = () => {
    clearTimeout(waiting);
    waiting = null;
    if (pending?.isConnected) pending.requestSubmit();
  };
  const sendLater = (seconds) => {
    clearTimeout(waiting);
    waiting = setTimeout(send, 1000 * (seconds || WAITS[Math.min(tries, WAITS.length - 1)]));
    tries += 1;
  };
  addEventListener("online", () => { if (waiting) send(); });

  const lost = (event) => {
    busy(false);
    if (!form(event)) { say("offline"); return; }
    pending = form(event);
    say("offline");
    // Nothing may change while it waits: what is sent again is what was sent.
    if (pending === work()) busy(true);
    sendLater();
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const sent = form(event);
    if (!sent) return;
    pending = sent;
    if (sent === work()) busy(true);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (form(event) !== work()) return;
    if (locked !== null) { event.preventDefault(); announce(locked); return; }
    count();
    event.detail.parameters.active_ms = Math.round(activeMs);
    for (const [name, value] of Object.entries(collected())) event.detail.parameters[name] = value;
    delete event.detail.parameters["hide-prompt"];
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    const ours = xhr.getResponseHeader("HX-Retarget") === "#say";
    if (xhr.status < 400) {
      if (event.detail.target?.id === "task") { locked = null; tell("end"); }
      if (form(event)) { store.drop(draftKey()); pending = null; tries = 0; }
      return;
    }
    busy(false);
    event.detail.shouldSwap = ours && Boolean($("#say"));
    event.detail.isError = false;
    if (LIKELY_TO_PASS.includes(xhr.status) && form(event)) {
      if (!ours) say("offline");
      if (form(event) === work()) busy(true);
      sendLater(Number(xhr.getResponseHeader("Retry-After")) || 0);
    } else if (!ours) say("failed");
  });

  /* A card came in: read its first line, go on from there. */
  const settle = () => {
    const fault = $("#say [data-fault]")?.dataset.fault;
    all(".mini[data-error]").forEach((row) => row.removeAttribute("data-error"));
    if (!fault) return;
    const row = $(`.mini[data-name="${CSS.escape(fault)}"]`);
    row?.setAttribute("data-error", "");
    (fault === "rationale" ? $("#why") : $("input", row || $(".scale")))?.focus();
  };
  const begin = (isFirst) => {
    activeMs = 0;
    since = null;
    touch();
    if (work()) restoreDraft();
    for (const button of all("[data-copy]")) button.hidden = !navigator.clipboard;
    if (!isFirst) {
      scrollTo({ top: 0, behavior: "instant" });
      $("#task h1")?.focus({ preventScroll: true });
      announce($("#say [role=status] > span")?.textContent);
    }
    tell("begin", { first: isFirst });
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "say" || event.detail.target?.id === "say") settle();
    else if (event.detail.elt.id === "task") begin(false);
  });

  /* Choosing. */
  const unset = (name) => all(`[name="${CSS.escape(name)}"]`, work()).forEach((input) => { input.checked = false; });
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (!work()?.contains(target)) return;
    if (target.name === "both_bad" && target.checked) unset("verdict");
    if (target.name === "verdict" && $("[name=both_bad]")) unset("both_bad");
    target.closest(".mini")?.removeAttribute("data-error");
    if (target.name !== "hide-prompt") saveDraft();
  });
  document.addEventListener("input", (event) => { if (event.target.id === "why") saveDraft(); });
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText($(`#${copy.dataset.copy} > .prose`).innerText);
      announce(copy.dataset.copied);
    }
    if (event.target.closest("[data-do=retry]")) send();
    if (event.target.closest("[data-leave]")) store.drop(draftKey());
  });
  const focusedMs = () => { count(); return activeMs; };
  window.thurstoneBench = { work, say, announce, isBusy, lock, focusedMs };
  // After the other deferred scripts, which may listen.
  if (document.readyState === "complete") begin(true);
  else document.addEventListener("DOMContentLoaded", () => begin(true), { once: true });
})();
