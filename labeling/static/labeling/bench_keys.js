/* The bench's keys: the rater's own map, which #keys carries, and only while nobody is typing.

   A key clicks the control with data-do="<its action>" (labeling/bench_settings.py names them); a
   key whose control is not on the page does nothing and stays the browser's. Before that,
   bench:do {action} is sent on document: whoever cancels it has done the thing themselves. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const list = $("#keys[data-keys]");
  if (!list) return;
  const ACTIONS = new Map(Object.entries(JSON.parse(list.dataset.keys)).map(([action, key]) => [key, action]));
  const isSingle = list.dataset.single === "1";
  const ANSWERS = /^(?:verdict_\d|both_bad|submit|criterion)$/;

  const press = (control) => {
    if (!control || control.disabled || !control.checkVisibility()) return false;
    if (control.matches("textarea, input:not([type=radio], [type=checkbox])")) { control.focus(); return true; }
    control.click();
    if (control.type === "radio") control.focus({ preventScroll: true });
    const box = control.popoverTargetElement;
    if (box?.matches(":popover-open")) ($("[autofocus]", box) || $("button", box) || box).focus();
    return true;
  };

  /* A criterion's key walks through A, =, B; steps are met one by one and answered where one is. */
  const next = (inputs) => inputs[(inputs.findIndex((input) => input.checked) + 1) % inputs.length];
  const steps = () => [...new Set(all("form.work input[type=radio][name^=step_]").map((input) => input.name))];
  const options = (name) => all(`input[name="${CSS.escape(name)}"]`);
  const here = () => steps().indexOf(document.activeElement?.name);
  const move = (by) => {
    const names = steps(), at = here();
    const name = names[at < 0 ? (by > 0 ? 0 : names.length - 1) : at + by];
    if (!name) return names.length > 0;
    const inputs = options(name);
    (inputs.find((input) => input.checked) || inputs[0]).focus();
    return true;
  };
  const answer = (value) => {
    const names = steps(), at = here();
    const name = at < 0 ? names.find((each) => !options(each).some((input) => input.checked)) || names[0] : names[at];
    return Boolean(name) && press(options(name).find((input) => input.value === value));
  };
  const DO = {
    // Where there is nothing to answer, the same key goes on.
    submit: () => { const work = $("form.work"); if (!work) return press($("[data-enter]")); work.requestSubmit(); return true; },
    reason: () => press($("#why")),
    both_bad: () => press($(".dock [data-key='0']")),
    prompt: () => press($("[data-key=p]")),
    skip: () => press($("[popovertarget=skip]")),
    undo: () => press($("#undo")),
    diff: () => press($("[name=diff]")),
    guidelines: () => press($("[popovertarget=guidelines]")),
    keys: () => press($("[popovertarget=keys]")),
    step_next: () => move(1),
    step_previous: () => move(-1),
    step_ok: () => answer("ok"),
    step_unsure: () => answer("unsure"),
    step_wrong: () => answer("wrong"),
  };
  const perform = (action, number) => {
    if (!document.dispatchEvent(new CustomEvent("bench:do", { cancelable: true, detail: { action } }))) return true;
    if (action === "criterion") {
      const inputs = all(`.mini[data-number="${number}"] input`);
      return inputs.length > 0 && press(next(inputs));
    }
    if (action.startsWith("verdict_")) return press($(`.dock .scale [data-key="${action.slice(8)}"]`));
    return press($(`[data-do="${action}"]`)) || Boolean(DO[action]?.());
  };

  /* Which key: digits and, under other scripts, letters by their place; everything else by its sign. */
  const names = ({ key, code }) => {
    const found = [];
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
    if (digit) found.push(digit);
    found.push(key === " " ? "Space" : key.length === 1 ? key.toLowerCase() : key);
    if (key === "\u061f") found.push("?");
    const letter = /^Key([A-Z])$/.exec(code)?.[1];
    if (letter && !/^[a-z]$/i.test(key)) found.push(letter.toLowerCase());
    return found;
  };
  const again = () => $("#say [data-do=retry]");
  const isTyping = (target) => target.isContentEditable
    || target.closest("textarea, select, [role=textbox], input:not([type=radio], [type=checkbox])");
  const isFree = (key, target) => {
    if (key === "Enter") return !target.closest("a, button, summary, .menu");
    return key !== "Space" || !target.closest("a, button, summary, input, .menu");
  };

  document.addEventListener("keydown", (event) => {
    const { key, code, target, altKey, shiftKey } = event;
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    const bench = window.thurstoneBench;
    if (isTyping(target)) {
      if (altKey) return;
      if (key === "Escape" && target.matches("form.work textarea")) { target.blur(); event.preventDefault(); }
      if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("form.work textarea")) {
        if (bench?.isBusy()) press(again());
        else target.form.requestSubmit();
        event.preventDefault();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.repeat) return;
    const known = names(event).find((name) => ACTIONS.has(name));
    const action = ACTIONS.get(known);
    const box = all(":popover-open:not([popover=manual])").at(-1);
    if (box) {
      // In a menu its own digits count; the key that opened it closes it.
      if (altKey && isSingle) return;
      const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
      if (digit && press($(`[data-key="${digit}"]`, box))) event.preventDefault();
      else if (key === "Enter" && box.matches("form") && !target.closest("button, a")) { box.requestSubmit(); event.preventDefault(); }
      else if (key === "Enter" && box.closest("form.work") && !target.closest("button, a")) { box.hidePopover(); event.preventDefault(); }
      else if (action === box.id && altKey !== isSingle) { box.hidePopover(); event.preventDefault(); }
      return;
    }
    if (key === "Escape") {
      const message = $("#say a, #say button, .rest button");
      if (message) { message.focus(); event.preventDefault(); }
      return;
    }
    if (altKey === isSingle || !bench) return;
    if (bench.isBusy()) {
      // While an answer waits for the network nothing changes; the key that sent it sends it now.
      if (action === "submit" && isFree(known, target) && press(again())) event.preventDefault();
      return;
    }
    const isCriterion = shiftKey && /^Digit[1-9]$/.test(code);
    const wanted = isCriterion ? "criterion" : action;
    if (!wanted || (shiftKey && !isCriterion && /^[a-z]$/.test(known))) return;
    if (!isCriterion && !isFree(known, target)) return;
    if (ANSWERS.test(wanted) && $(".dock[data-locked]")) return;
    if (perform(wanted, code.slice(5))) event.preventDefault();
  });
})();
