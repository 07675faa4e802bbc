/* The bench: drafts, active time, sending again. The page works without any of it.

   Other scripts of the bench hear on document: bench:begin {first} when a card is in place,
   bench:collect {data} right before an answer or a draft leaves (they add fields to data), and
   bench:end when a card goes. They call window.thurstoneBench. */
"use strict";
(() => {
  const DRAFT = "thurstone-draft:";
  const WEEK = 7 * 24 * 3600 * 1000;
  const IDLE = 60 * 1000;
  const AWAY = 5 * 60 * 1000;
  const WAITS = [2, 4, 8, 15, 30];
  const LIKELY_TO_PASS = [0, 429, 502, 503, 504];
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const work = () => $("form.work");
  // Of a swap `elt` is what is swapped; who asked stands beside it.
  const form = ({ detail }) => (detail.requestConfig?.elt || detail.elt).closest("form");
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

  /* What the page tells the server by itself. The server's clock is read off its answers: this
     computer's may be wrong by a day, and drafts of two browsers are compared. */
  const isChange = (of = work()) => Boolean(of?.judgment_id);
  let skew = 0, isSkewKnown = false;
  const serverNow = () => Date.now() + skew;
  const readClock = (date) => {
    const at = Date.parse(date);
    if (!at || isSkewKnown) return;
    skew = at + 500 - Date.now();
    isSkewKnown = true;
    for (const key of store.keys()) if (!(serverNow() - store.get(key)?.at < WEEK)) store.drop(key);
  };
  const address = (path) => $("#task").dataset.bench + path;
  let token = "";
  const body = (fields) => {
    const sent = new URLSearchParams({ csrfmiddlewaretoken: token });
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) sent.append(name, one);
    return sent;
  };
  const card = () => work()?.assignment_id.value;
  const post = async (path, fields, headers = {}) => {
    const response = await fetch(address(path), { method: "POST", body: body(fields), headers, redirect: "error" });
    readClock(response.headers.get("Date"));
    return response;
  };

  /* Drafts: what is chosen and typed outlives a reload, a crash, a lost network and this browser.
     Kept here at once, and on the server a moment later; the newest is shown. */
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full */ } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* not allowed */ } },
    keys() { try { return Object.keys(localStorage).filter((key) => key.startsWith(DRAFT)); } catch { return []; } },
  };
  const draftKey = (of = work()) => of && DRAFT + (of.judgment_id || of.assignment_id).value;
  const isSaid = (field) => field.type !== "hidden" && !/-|^diff$/.test(field.name);
  const isBox = (field) => field.matches("[type=radio], [type=checkbox]");
  let typing = null, unsent = null, sending = null;
  const saidSoFar = () => {
    const said = {};
    for (const field of all("[name]", work())) {
      if (isSaid(field) && (isBox(field) ? field.checked : field.value)) (said[field.name] ||= []).push(field.value);
    }
    count();
    for (const [name, value] of Object.entries({ ...collected(), active_ms: Math.round(activeMs) })) {
      if (name !== "telemetry") said[name] = [value].flat().map(String);
    }
    return said;
  };
  const draftFields = (draft) => ({ ...draft.said, assignment_id: draft.of, written_ms: Math.round(draft.at) });
  const saveDraft = () => {
    clearTimeout(typing);
    typing = null;
    if (!work()) return;
    const draft = { of: card(), at: serverNow(), said: saidSoFar() };
    store.set(draftKey(), draft);
    if (isChange()) return;
    unsent = draft;
    sending ||= setTimeout(sendDraft, 1500);
  };
  const sendDraft = async () => {
    clearTimeout(sending);
    sending = null;
    const draft = unsent;
    if (!draft || isBusy()) return;
    unsent = null;
    try {
      if (!(await post("draft/", draftFields(draft))).ok) throw new Error("not kept");
    } catch {
      // The copy here stays; the server gets it with the next change, or when it answers again.
      unsent ||= draft;
    }
  };
  const forgetDraft = () => {
    clearTimeout(typing);
    clearTimeout(sending);
    typing = sending = unsent = null;
    store.drop(draftKey());
  };
  const restoreDraft = () => {
    const { draft, draftAt } = work().dataset;
    const here = store.get(draftKey());
    const isNewerHere = Boolean(here) && !(here.at <= Number(draftAt));
    const said = isNewerHere ? here.said : draft ? JSON.parse(draft) : null;
    if (!said) return;
    for (const field of all("[name]", work())) {
      if (!isSaid(field)) continue;
      const values = [said[field.name] ?? []].flat();
      if (isBox(field)) field.checked = values.includes(field.value);
      else if (values.length) field.value = values[0];
    }
    activeMs = Number(said.active_ms?.[0]) || 0;
    if (isNewerHere && !isChange()) {
      unsent = here;
      sending ||= setTimeout(sendDraft, 1500);
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
    for (const group of all("[role=radiogroup]", dock)) {
      if (is) group.setAttribute("aria-disabled", "true");
      else group.removeAttribute("aria-disabled");
    }
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
  addEventListener("online", () => { if (waiting) send(); sendDraft(); });

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
    // What was begun and given back is credited, too.
    if (event.detail.elt.id === "skip") { count(); event.detail.parameters.active_ms = Math.round(activeMs); }
    // The form itself: links in it, such as undo, are no answer.
    if (event.detail.elt !== work()) return;
    if (locked !== null) { event.preventDefault(); announce(locked); return; }
    count();
    event.detail.parameters.active_ms = Math.round(activeMs);
    for (const [name, value] of Object.entries(collected())) event.detail.parameters[name] = value;
    for (const name of Object.keys(event.detail.parameters)) if (name.includes("-")) delete event.detail.parameters[name];
  });
  /* An answer or a skip says which card is ready here; an undone judgment leads back instead. */
  const leadsOn = (sent) => sent?.id === "skip" || (sent === work() && !isChange());
  document.addEventListener("htmx:configRequest", (event) => {
    if (prepared && leadsOn(form(event))) event.detail.parameters.prepared = prepared.id;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    const ours = xhr.getResponseHeader("HX-Retarget") === "#say";
    readClock(xhr.getResponseHeader("Date"));
    if (xhr.status < 400) {
      const sent = form(event), isAnswer = leadsOn(sent);
      if (sent) { forgetDraft(); pending = null; tries = 0; }
      else { saveWhatIsTyped(); sendDraft(); }
      if (event.detail.target?.id === "task") { locked = null; tell("end"); }
      if (!isAnswer) return;
      const next = prepared;
      prepared = null;
      if (next && xhr.getResponseHeader("Bench-Next") === next.id) {
        event.detail.shouldSwap = false;
        place(next.main, xhr.responseText);
      }
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

  /* The next card: leased and parsed while this one is read, and put in its place when the server
     says that the answer is stored. Then nothing can have to be taken back, and "Saved" is true. */
  let prepared = null, isPreparing = false, soon = null;
  const within = (html) => new DOMParser().parseFromString(html, "text/html");
  const prepare = async () => {
    if (prepared || isPreparing || !work() || isChange() || document.hidden) return;
    const read = card();
    isPreparing = true;
    try {
      const response = await post("ahead/", { assignment_id: read }, { "HX-Request": "true" });
      if (response.status !== 200) return;
      const main = $("#task", within(await response.text()));
      const id = main && $("form.work", main)?.assignment_id.value;
      if (!id) return;
      if (card() !== read) { giveBack(id); return; }
      prepared = { id, main };
      // Not in this document yet, so its images would only be asked for when it is shown.
      for (const image of all("img[src]", main)) new Image().src = image.src;
    } catch {
      // No connection: the card comes with the answer to the submission, as without script.
    } finally {
      isPreparing = false;
    }
  };
  const giveBack = (id) => navigator.sendBeacon(address("leave/"), body({ assignment_id: id, prepared: id }));
  const place = (main, told) => {
    const heard = within(told);
    $("#say", main).replaceChildren(...$("#say", heard).childNodes);
    $("#undo", main).hidden = !$("#told[data-undoable]", heard);
    $("#progress").replaceWith(document.adoptNode($("#progress", heard)));
    $("#task").replaceWith(document.adoptNode(main));
    window.htmx.process(main);
    begin(false);
  };

  /* Leases are held while somebody is there, and the one that waits is given back on leaving. */
  let held = performance.now();
  const hold = async () => {
    if (!work() || isChange() || performance.now() - touched > AWAY) return;
    const read = card();
    held = performance.now();
    try {
      const response = await post("hold/", { assignment_id: read, ...(prepared && { prepared: prepared.id }) });
      if (!response.ok) return;
      const stands = await response.json();
      if (card() !== read || isBusy()) return;
      if (!stands.prepared) prepared = null;
      // Who has been told that somebody else has it by now is not told to submit again.
      if (!stands.shown) { if (!$("#say [data-enter]")) { say("lapsed"); announce($("#say")?.textContent); } }
      else if ($("#say [data-lapsed]")) say("");
      if (unsent) sendDraft();
      prepare();
    } catch {
      // No connection: the answer is taken late, unless somebody else has the comparison.
    }
  };
  const beat = () => Math.min(60, Math.max(2, (Number(work()?.dataset.lease) || 240) / 4)) * 1000;
  const holdWhenDue = () => { if (performance.now() - held >= beat()) hold(); };
  setInterval(holdWhenDue, 2000);
  addEventListener("focus", holdWhenDue);
  const saveWhatIsTyped = () => { if (typing) saveDraft(); };
  const leave = () => {
    saveWhatIsTyped();
    if (unsent) {
      navigator.sendBeacon(address("draft/"), body(draftFields(unsent)));
      unsent = null;
    }
    if (prepared) giveBack(prepared.id);
    prepared = null;
  };
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { saveWhatIsTyped(); sendDraft(); } else { holdWhenDue(); prepare(); }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) prepare(); });

  /* A card came in: read its first line, go on from there. */
  const blame = (row, is) => {
    row?.toggleAttribute("data-error", is);
    if (is) row?.setAttribute("aria-invalid", "true");
    else row?.removeAttribute("aria-invalid");
  };
  const settle = () => {
    // What comes next is one key away, unless that key would leave words behind.
    const on = $("#say [data-enter]");
    if (on && (on.dataset.enter !== "gives-up" || !all("textarea", work()).some(({ value, defaultValue }) => value !== defaultValue))) on.focus();
    const fault = $("#say [data-fault]")?.dataset.fault;
    all(".mini[data-error]").forEach((row) => blame(row, false));
    if (!fault) return;
    const row = $(`.mini[data-name="${CSS.escape(fault)}"]`);
    blame(row, true);
    (fault === "rationale" ? $("#why") : $("input", row || $(".scale")))?.focus();
  };
  const begin = (isFirst) => {
    activeMs = 0;
    since = null;
    touch();
    if (work()) {
      token = work().csrfmiddlewaretoken.value;
      restoreDraft();
    }
    for (const button of all("[data-copy]")) button.hidden = !navigator.clipboard;
    if (!isFirst) {
      scrollTo({ top: 0, behavior: "instant" });
      ($("#task [data-enter]") || $("#task h1"))?.focus({ preventScroll: true });
      announce($("#say [role=status] > span")?.textContent);
    }
    tell("begin", { first: isFirst });
    held = performance.now();
    clearTimeout(soon);
    soon = setTimeout(prepare, 300);
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
    blame(target.closest(".mini"), false);
    if (isSaid(target)) saveDraft();
  });
  document.addEventListener("input", ({ target }) => {
    if (!work()?.contains(target) || isBox(target) || !isSaid(target)) return;
    typing ??= setTimeout(saveDraft, 250);
  });
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText($(`#${copy.dataset.copy} > .prose`).innerText);
      announce(copy.dataset.copied);
    }
    if (event.target.closest("[data-do=retry]")) send();
    if (event.target.closest("[data-leave]")) forgetDraft();
  });
  const focusedMs = () => { count(); return activeMs; };
  window.thurstoneBench = { work, say, announce, isBusy, lock, focusedMs };
  // After the other deferred scripts, which may listen.
  if (document.readyState === "complete") begin(true);
  else document.addEventListener("DOMContentLoaded", () => begin(true), { once: true });
})();
