// Keys: / goes to the search box, arrows move through the images, Esc goes back.

import { byId } from "./dom.js";
import { focusCard, moveFocus } from "./results.js";

const isTyping = (element) => element.matches("input, select, textarea");

/** Listen for keys; `clear` is called for Esc in the search box. */
export function listenForKeys(clear) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("detail").open) return;
    if (handle(event, clear)) event.preventDefault();
  });
}

function handle({ key, target }, clear) {
  if (target.classList.contains("card")) {
    if (moveFocus(key, target)) return true;
    if (key === "Escape") return goToText();
  }
  if (key === "/" && !isTyping(target)) return goToText();
  if (target === byId("text") && key === "ArrowDown") return goToFirst();
  if (target === byId("text") && key === "Escape") {
    clear();
    return true;
  }
  return key === "Escape" && target === byId("minus") ? goToText() : false;
}

function goToText() {
  byId("text").focus();
  byId("text").select();
  return true;
}

function goToFirst() {
  const first = document.querySelector(".grid .card[tabindex]");
  if (first) focusCard(first);
  return Boolean(first);
}
