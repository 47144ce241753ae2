// Send requests to the server that this page came from.

export const MOST_BYTES = 20 * 2 ** 20;
const TRIES = 4;

/** An answer that is a sentence: `retry` says whether the same request may succeed later. */
export class Failure extends Error {
  constructor(sentence, retry) {
    super(sentence);
    this.retry = retry;
  }
}

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function send(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server does not answer. Start it again in its terminal, then retry.", true);
  }
  let answer;
  try {
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(`The server gave no answer that can be read (${response.status}).`, true);
  }
  if (response.ok) return answer;
  const failure = new Failure(sentence(answer.error), response.status >= 500);
  failure.after = Number(response.headers.get("retry-after")) || 0;
  throw failure;
}

function sentence(text) {
  const whole = String(text ?? "The request failed");
  return `${whole.charAt(0).toUpperCase()}${whole.slice(1)}.`;
}

/** Describe what can be searched. */
export const fetchInfo = () => send("info", {});

/**
 * Search with one release; a busy server is asked again after the time that it names.
 * @param {{text: string, minus: string, image: Blob?, where: object, k: number}} query
 * @param {number} release
 * @param {AbortSignal} signal
 */
export async function search(query, release, signal) {
  const options = { method: "POST", signal, ...encode(query, release) };
  for (let left = TRIES; ; left -= 1) {
    try {
      return await send("search", options);
    } catch (failure) {
      if (!failure.after || left === 1) throw failure;
      await wait(failure.after);
      signal.throwIfAborted();
    }
  }
}

function encode({ text, minus, image, where, k }, release) {
  if (!image) {
    const body = JSON.stringify({ text, minus, where, k, release });
    return { body, headers: { "content-type": "application/json" } };
  }
  const body = new FormData();
  body.append("image", image, "image");
  if (text) body.append("text", text);
  body.append("minus", minus);
  body.append("k", k);
  body.append("release", release);
  for (const [name, value] of Object.entries(where)) body.append("where", `${name}=${value}`);
  return { body };
}

/** Fetch a picture of the collection, to search with it. */
export async function fetchPicture(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Failure("The picture of this image is not there.", false);
  return response.blob();
}
