// The page: the query changes, the latest answer is shown.

import { Failure, fetchInfo, fetchPicture, search } from "./api.js";
import { openDetail, prepareDetail } from "./detail.js";
import { byId, foreign, images, make } from "./dom.js";
import { makeFilters, showChosen } from "./filters.js";
import { follow, showFailures } from "./follow.js";
import { listenForImages, showPicked } from "./image_input.js";
import { listenForKeys } from "./keyboard.js";
import { Query } from "./query.js";
import { nameOf, show, showCaptions, showPlaceholders } from "./results.js";

const DEBOUNCE_MS = 110;
const SLOW_MS = 160; // an answer that comes sooner needs no sign of waiting
const SUGGESTIONS = 5;

let info = null;
let latest = new AbortController();
let timer = 0;
const query = new Query(() => schedule());

function schedule() {
  clearTimeout(timer);
  latest.abort();
  showQuery();
  if (!info) return; // what was typed meanwhile stands in the address, which is read then
  if (query.isEmpty) showStart();
  else timer = setTimeout(run, DEBOUNCE_MS);
}

async function run() {
  clearTimeout(timer);
  latest.abort();
  latest = new AbortController();
  const { signal } = latest;
  const slow = setTimeout(() => wait(true), SLOW_MS);
  try {
    const asked = info.releases.map((_, release) => search(query, release, signal));
    const answers = await Promise.all(asked);
    if (!signal.aborted) showAnswers(answers);
  } catch (error) {
    if (signal.aborted) return;
    latest.abort();
    showFailure(error, run);
  } finally {
    clearTimeout(slow);
    if (latest.signal === signal) wait(false);
  }
}

function wait(isWaiting) {
  byId("waiting").hidden = !isWaiting;
  byId("results").setAttribute("aria-busy", String(isWaiting));
}

function showQuery() {
  if (byId("text").value !== query.text) byId("text").value = query.text;
  if (byId("minus").value !== query.minus) byId("minus").value = query.minus;
  byId("clear").hidden = query.isEmpty && !query.minus && !Object.keys(query.where).length;
  byId("text").placeholder = query.image ? "Add words" : "Describe or drop a picture";
}

function showStart() {
  wait(false);
  hideNotice();
  showCaptions([]);
  byId("more").hidden = true;
  byId("status").textContent = info.releases[0].images
    ? "Results come as you type."
    : "There is no image to search now; the page shows new ones as they come.";
  const chosen = Object.entries(query.where);
  const hasAll = ({ attributes }) => chosen.every(([name, value]) => attributes[name] === value);
  const sample = info.releases[0].sample.filter(hasAll);
  show([{ title: "From the collection", images: sample }], openDetail);
  const words = sample.flatMap(({ captions }) => captions.slice(0, 1));
  const short = [...new Set(words)].filter((text) => text.length < 28).slice(0, SUGGESTIONS);
  const buttons = short.map((text) => {
    const button = make("button", { type: "button", class: "suggestion" }, foreign(text));
    button.addEventListener("click", () => query.set({ text }));
    return button;
  });
  byId("suggestions").replaceChildren("Try ", ...buttons);
  byId("suggestions").hidden = !buttons.length;
}

function showAnswers(answers) {
  hideNotice();
  byId("suggestions").hidden = true;
  const columns = answers.map(({ release, results: [result] }) => ({
    title: answers.length > 1 ? release : query.image ? "Nearest images" : "Images",
    images: result.images,
  }));
  const [first] = columns;
  show(columns, openDetail);
  showCaptions(answers[0].results[0].captions, (text) => query.set({ text, image: null }));
  byId("more").hidden = !query.hasMore || first.images.length < query.k;
  const took = Math.max(...answers.map(({ milliseconds }) => milliseconds)).toFixed(0);
  if (!first.images.length) {
    byId("status").textContent = "No image";
    if (!info.releases[0].images) {
      notice("No image is there", "The folder holds none now; the page shows new ones as they come.", "", null);
      return;
    }
    notice("No image is left", "None has all the attributes that are chosen.", "Clear the filters",
      () => query.set({ where: showChosen(info.releases[0].attributes, {}) }));
    return;
  }
  const [best] = first.images;
  byId("status").textContent =
    `${images(first.images.length)} in ${took} ms, best: ${nameOf(best).slice(0, 80)}`;
}

function notice(title, text, action, act) {
  byId("notice-title").textContent = title;
  byId("notice-text").textContent = text;
  byId("notice-action").hidden = !action;
  byId("notice-action").textContent = action;
  byId("notice-action").onclick = act;
  byId("notice").hidden = false;
}

function hideNotice() {
  byId("notice").hidden = true;
}

function showFailure(error, again) {
  wait(false);
  const isOurs = error instanceof Failure;
  const text = isOurs ? error.message : `The page failed: ${error.message}.`;
  const retry = isOurs && error.retry;
  byId("status").textContent = text;
  byId("columns").replaceChildren();
  byId("suggestions").hidden = true;
  byId("more").hidden = true;
  showCaptions([]);
  notice("No answer", text, retry ? "Try again" : "Start over", retry ? again : clear);
}

function clear() {
  query.reset();
  showPicked(null);
  if (info) showChosen(info.releases[0].attributes, {});
  query.set({});
  byId("text").focus();
}

function take(image) {
  showPicked(image);
  query.set({ image });
  byId("text").focus();
}

async function searchLike(image) {
  try {
    const picture = await fetchPicture(image.thumbnail);
    query.reset();
    take(picture);
    scrollTo({ top: 0 });
  } catch (error) {
    showFailure(error, () => searchLike(image));
  }
}

async function start() {
  hideNotice();
  showPlaceholders(24);
  try {
    info = await fetchInfo();
  } catch (error) {
    showFailure(error, start);
    return;
  }
  describe();
  query.read();
  choose(query.where);
}

/** Show what is searched. */
function describe() {
  const [first, second] = info.releases;
  const names = second ? `${first.name} beside ${second.name}` : first.name;
  byId("source").replaceChildren(foreign(names), make("span", {}, images(first.images)));
  byId("source").title = first.collection;
  makeFilters(first.attributes, (where) => {
    showChosen(first.attributes, where);
    query.set({ where });
  });
  showFailures(info);
}

/** Filter by attributes, as far as they are there. */
function choose(where) {
  query.where = showChosen(info.releases[0].attributes, where);
  query.set({ k: query.k });
}

byId("text").addEventListener("input", (event) => query.set({ text: event.target.value }));
byId("minus").addEventListener("input", (event) => query.set({ minus: event.target.value }));
byId("clear").addEventListener("click", clear);
byId("more").addEventListener("click", () => query.more());
byId("remove").addEventListener("click", () => {
  showPicked(null);
  query.set({ image: null });
  byId("text").focus();
});
byId("query").addEventListener("submit", (event) => {
  event.preventDefault();
  if (info && !query.isEmpty) run();
});
listenForImages((image) => info && take(image), (text) => notice("Not an image to search with", text, "", null));
listenForKeys(clear);
prepareDetail(searchLike);
follow(() => info, (changed) => {
  info = changed;
  describe();
  choose(query.where);
});
start();
