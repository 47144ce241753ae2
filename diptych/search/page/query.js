// What is searched for now, and how it stands in the address of the page.

export const FIRST = 36;
const STEP = 36;
const MOST = 200;

/** The query; `changed` is called whenever a part of it changes. */
export class Query {
  constructor(changed) {
    this.changed = changed;
    this.reset();
  }

  reset() {
    this.text = "";
    this.minus = "";
    this.image = null;
    this.where = {};
    this.k = FIRST;
  }

  /** Change some parts; any other change than of k goes back to the first images. */
  set(parts) {
    Object.assign(this, { k: FIRST }, parts);
    this.write();
    this.changed();
  }

  get isEmpty() {
    return !this.text.trim() && !this.image;
  }

  get hasMore() {
    return this.k < MOST;
  }

  more() {
    this.set({ k: Math.min(MOST, this.k + STEP) });
  }

  /** Read the parts that an address can hold, all but the image. */
  read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    this.text = parts.get("q") ?? "";
    this.minus = parts.get("without") ?? "";
    this.where = {};
    for (const [name, value] of parts) {
      if (name.startsWith("where.")) this.where[name.slice(6)] = value;
    }
  }

  write() {
    const parts = new URLSearchParams();
    if (this.text) parts.set("q", this.text.slice(0, 500));
    if (this.minus) parts.set("without", this.minus.slice(0, 500));
    for (const [name, value] of Object.entries(this.where)) parts.set(`where.${name}`, value);
    const text = parts.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname);
  }
}
