// One image in a dialog: larger, with all its captions and attributes.

import { byId, foreign, make } from "./dom.js";
import { focusCard, nameOf, pictureOf } from "./results.js";

let shown = null;
let opener = null;

/** Open the dialog for an image; the focus goes back to `from` when it is closed. */
export function openDetail(image, from) {
  shown = image;
  opener = from;
  byId("detail-picture").replaceChildren(pictureOf(image));
  byId("detail-title").replaceChildren(foreign(nameOf(image)));
  byId("detail-score").textContent = image.score === null ? "" : `score ${image.score.toFixed(4)}`;
  const others = image.captions.slice(1, 9).map((text) => make("li", {}, foreign(text)));
  byId("detail-captions").replaceChildren(...others);
  const facts = [...Object.entries(image.attributes), ["key", image.key]];
  if (image.path) facts.push(["file", image.path]);
  byId("detail-facts").replaceChildren(...facts.flatMap(([name, value]) => [
    make("dt", {}, foreign(name)),
    make("dd", {}, foreign(value)),
  ]));
  if (!byId("detail").open) byId("detail").showModal();
}

/** Let the dialog close, and search for images like its own by `similar(image)`. */
export function prepareDetail(similar) {
  const dialog = byId("detail");
  byId("detail-close").addEventListener("click", () => dialog.close());
  byId("detail-similar").addEventListener("click", () => {
    opener = null;
    dialog.close();
    similar(shown);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => opener?.isConnected && focusCard(opener));
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
    const beside = step && opener?.closest("li")?.[step]?.querySelector(".card");
    if (!beside) return;
    event.preventDefault();
    beside.click();
  });
}
