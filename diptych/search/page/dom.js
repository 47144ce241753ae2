// Make elements. Text from the server only ever becomes text nodes, never markup.

/** Return the element with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} tag
 * @param {object} properties set on the element; `class` is its class, `data-` and `aria-` names
 *   become attributes.
 * @param {...(Node|string)} children strings become text nodes.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Make an element for foreign text, whose direction of writing ends with it. */
export const foreign = (text, name = "") => make("bdi", { class: name }, text);

/** Write a number with separators of thousands. */
export const count = (number) => number.toLocaleString("en");

/** '1 image', '2 images'. */
export const images = (number) => `${count(number)} ${number === 1 ? "image" : "images"}`;
