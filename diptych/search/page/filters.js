// A list for each attribute that the images can be filtered by.

import { byId, count, make } from "./dom.js";

/** Make the lists; `choose(where)` is called with all attributes that are chosen. */
export function makeFilters(attributes, choose) {
  const lists = attributes.map(({ name, label, values }, number) => {
    const id = `filter-${number}`;
    const every = make("option", { value: "" }, `any ${label}`);
    const options = values.map(({ label: text, count: images }, place) =>
      make("option", { value: String(place) }, `${text} (${count(images)})`));
    const list = make("select", { id, "aria-label": label }, every, ...options);
    list.addEventListener("change", () => choose(chosen(attributes)));
    list.dataset.name = name;
    return list;
  });
  byId("filters").replaceChildren(...lists);
}

function chosen(attributes) {
  const pairs = attributes.flatMap(({ name, values }, number) => {
    const place = byId(`filter-${number}`).value;
    return place === "" ? [] : [[name, values[Number(place)].value]];
  });
  return Object.fromEntries(pairs);
}

/** Let the lists show what is chosen; returns what of it they know. */
export function showChosen(attributes, where) {
  attributes.forEach(({ name, values }, number) => {
    const place = values.findIndex(({ value }) => value === where[name]);
    const list = byId(`filter-${number}`);
    list.value = place < 0 ? "" : String(place);
    list.classList.toggle("chosen", place >= 0);
  });
  return chosen(attributes);
}
