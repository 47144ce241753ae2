// An image for the query: dropped, pasted or chosen.

import { MOST_BYTES } from "./api.js";
import { byId } from "./dom.js";

const isImage = (file) => file.type.startsWith("image/");

/**
 * Listen for images.
 * @param {function(File)} take called with an image.
 * @param {function(string)} refuse called with a sentence.
 */
export function listenForImages(take, refuse) {
  const offer = (files) => {
    const [file] = [...files].filter(isImage);
    if (!file) refuse("What came is not an image file.");
    else if (file.size > MOST_BYTES) refuse("The image has more than 20 MB; choose a smaller one.");
    else take(file);
  };
  listenForDrops(offer);
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length) return;
    event.preventDefault();
    offer(files);
  });
  byId("choose").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) offer(event.target.files);
    event.target.value = "";
  });
}

function listenForDrops(offer) {
  const area = byId("drop");
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;
  const count = (by) => {
    inside = Math.max(0, inside + by);
    area.hidden = inside === 0;
  };
  addEventListener("dragenter", (event) => holdsFiles(event) && count(1));
  addEventListener("dragleave", (event) => holdsFiles(event) && count(-1));
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    count(-inside);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    offer(event.dataTransfer.files);
  });
}

/** Show the image of the query in the search box; null: there is none. */
export function showPicked(image) {
  const preview = byId("preview");
  if (preview.src.startsWith("blob:")) URL.revokeObjectURL(preview.src);
  byId("picked").hidden = !image;
  if (image) preview.src = URL.createObjectURL(image);
  else preview.removeAttribute("src");
}
