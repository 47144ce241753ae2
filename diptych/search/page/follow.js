// Follow a folder: ask whether its images have changed, and show which files cannot be searched.

import { fetchInfo } from "./api.js";
import { byId, count, foreign, make } from "./dom.js";

const POLL_MS = 2000;

/**
 * Call a function whenever what is searched has changed, but not while somebody moves through it.
 * @param {function(): object} current what the page shows: the last answer of the server.
 * @param {function(object)} change called with the new one.
 */
export function follow(current, change) {
  setInterval(async () => {
    if (document.hidden || !canChange(current()) || isInUse()) return;
    let info;
    try {
      info = await fetchInfo();
    } catch {
      return; // the next query says what is wrong
    }
    showFailures(info);
    if (versions(info) !== versions(current()) && !isInUse()) change(info);
  }, POLL_MS);
}

/** Whether a folder is searched: the index of a release stays as it is, and has the version 0. */
const canChange = (info) => info?.releases.some(({ version }) => version > 0);

const versions = ({ releases }) => releases.map(({ version }) => version).join();

function isInUse() {
  const places = [byId("columns"), byId("filters")];
  return byId("detail").open || places.some((place) => place.contains(document.activeElement));
}

/** Show the files that cannot be searched, and why a folder cannot be followed. */
export function showFailures({ releases: [{ failed, failures }], problem }) {
  byId("problem").textContent = problem ? `Changes are not shown: ${problem}.` : "";
  byId("problem").hidden = !problem;
  byId("failures").hidden = !failed;
  byId("failures-title").textContent =
    `${count(failed)} ${failed === 1 ? "file" : "files"} cannot be searched`;
  const items = failures.map(({ file, reason }) =>
    make("li", {}, foreign(file, "file"), " ", foreign(reason)));
  if (failed > failures.length) items.push(make("li", {}, `and ${count(failed - failures.length)} more`));
  byId("failures-list").replaceChildren(...items);
}
