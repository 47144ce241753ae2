// The pictures: a column for each release, a card for each image, moved through by arrow keys.

import { byId, foreign, make } from "./dom.js";

/** What an image is called: its first caption, else the last part of its key. */
export const nameOf = (image) => image.captions[0] ?? image.key.split("/").pop();

/** The picture of an image; where there is none, a sign in its place. */
export function pictureOf(image) {
  const picture = make("img", { src: image.thumbnail, alt: "", decoding: "async" });
  picture.addEventListener("error", () => {
    picture.replaceWith(make("span", { class: "no-picture", "aria-hidden": "true" }, "no picture"));
  });
  return picture;
}

/** A bar whose length is a score as a share of the best one. */
export function bar(score, best) {
  const inner = make("span", { class: "length" });
  const share = best > 0 ? Math.min(1, Math.max(0, score / best)) : 0;
  inner.style.setProperty("--share", String(share));
  return make("span", { class: "bar", "aria-hidden": "true" }, inner);
}

function moved(key, place, before) {
  if (!before) return [];
  const was = before.get(key);
  if (was === undefined) return [make("span", { class: "moved new" }, "new")];
  const by = was - place;
  if (!by) return [make("span", { class: "moved" }, "=")];
  const word = by > 0 ? "up" : "down";
  const shown = `${by > 0 ? "\u2191" : "\u2193"}${Math.abs(by)}`;
  return [
    make("span", { class: `moved ${word}`, "aria-hidden": "true" }, shown),
    make("span", { class: "hidden" }, `, ${word} ${Math.abs(by)}`),
  ];
}

function card(image, place, best, before, open) {
  const score = image.score === null ? [] : [
    bar(image.score, best),
    make("span", { class: "score" }, image.score.toFixed(3)),
  ];
  const button = make(
    "button",
    { type: "button", class: "card", tabIndex: -1 },
    make("span", { class: "tile" }, pictureOf(image)),
    foreign(nameOf(image), "name"),
    make("span", { class: "line" }, ...score, ...moved(image.key, place, before)),
  );
  button.addEventListener("click", () => open(image, button));
  return make("li", {}, button);
}

/**
 * Show the images of all releases.
 * @param {{title: string, images: object[]}[]} columns
 * @param {function(object, HTMLElement)} open called with the image of a card that was chosen.
 */
export function show(columns, open) {
  let before = null;
  const sections = columns.map(({ title, images }, number) => {
    const best = images[0]?.score ?? 0;
    const cards = images.map((image, place) => card(image, place, best, number ? before : null, open));
    before ??= new Map(images.map((image, place) => [image.key, place]));
    const grid = make("ul", { class: "grid", "aria-label": title }, ...cards);
    const heading = make("h2", { class: "column-title" }, foreign(title));
    return make("section", { class: "column" }, heading, grid);
  });
  const place = byId("columns");
  place.classList.toggle("several", columns.length > 1);
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...sections);
  for (const grid of place.querySelectorAll(".grid")) {
    const first = grid.querySelector(".card");
    if (first) first.tabIndex = 0;
  }
  if (hadFocus) (place.querySelector(".card") ?? byId("text")).focus();
}

/** Show grey tiles until the first images come. */
export function showPlaceholders(number) {
  const tile = () => make("li", {}, make("span", { class: "card" }, make("span", { class: "tile" })));
  const grid = make("ul", { class: "grid placeholders", "aria-hidden": "true" });
  grid.append(...Array.from({ length: number }, tile));
  byId("columns").replaceChildren(grid);
}

/** Show the captions that fit an image; an empty list hides them. */
export function showCaptions(captions, choose) {
  const best = captions[0]?.score ?? 0;
  const items = captions.slice(0, 8).map(({ text, score }) => {
    const button = make("button", { type: "button", class: "caption" }, foreign(text, "name"),
      bar(score, best), make("span", { class: "score" }, score.toFixed(3)));
    button.addEventListener("click", () => choose(text));
    return make("li", {}, button);
  });
  byId("captions-list").replaceChildren(...items);
  byId("captions").hidden = !items.length;
}

/** Focus the card in the direction of a key; returns whether the key is one of these. */
export function moveFocus(key, focused) {
  const cards = [...focused.closest(".grid").querySelectorAll(".card")];
  const place = cards.indexOf(focused);
  const target = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: cards.length - 1,
    ArrowDown: vertical(cards, place, 1), ArrowUp: vertical(cards, place, -1) }[key];
  if (target === undefined) return false;
  if (key === "ArrowUp" && target === place) byId("text").focus();
  else focusCard(cards[Math.min(cards.length - 1, Math.max(0, target))]);
  return true;
}

/** Focus a card; of its grid, the Tab key comes back to this one. */
export function focusCard(card) {
  for (const other of card.closest(".grid").querySelectorAll('.card[tabindex="0"]')) {
    other.tabIndex = -1;
  }
  card.tabIndex = 0;
  card.focus();
}

function vertical(cards, place, step) {
  const here = cards[place].getBoundingClientRect();
  for (let other = place + step; cards[other]; other += step) {
    const there = cards[other].getBoundingClientRect();
    if (Math.abs(there.left - here.left) < 2 && there.top !== here.top) return other;
  }
  return place;
}
