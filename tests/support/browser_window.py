"""A page of the search in Chromium, which notes what must not happen there."""

import base64
import re
import time
from typing import Any

CARDS = "#columns .card .name"
_FILE = """([data, type, size]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const file = new File(size ? [bytes, new Uint8Array(size)] : [bytes], "x", { type });
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
"""
DROP = f"""{_FILE}
  for (const kind of ["dragenter", "dragover", "drop"]) {{
    const named = {{ bubbles: true, cancelable: true, dataTransfer }};
    document.body.dispatchEvent(new DragEvent(kind, named));
  }}
}}"""
PASTE = f"""{_FILE}
  document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData: dataTransfer }}));
}}"""


class Window:
    """A page that notes what must not happen: errors, dialogs, requests to elsewhere."""

    def __init__(self, browser: Any, address: str, width: int = 1280, **named: Any):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **named)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.wrong: list[str] = []
        self.page.on("console", lambda m: self._note(m.text, m.type == "error"))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda r: self._look(r.url, address))
        self.page.goto(address)

    def _note(self, text: str, is_wrong: bool = True) -> None:
        if is_wrong:
            self.wrong.append(text)

    def _dismiss(self, dialog: Any) -> None:
        self._note("dialog")
        dialog.dismiss()

    def _look(self, url: str, address: str) -> None:
        if not url.startswith((address.partition("?")[0], "blob:")):
            self.wrong.append(url)

    def names(self) -> list[str]:
        return self.page.locator(CARDS).all_text_contents()

    def wait_for(self, name: str) -> None:
        """Until the best image of an answer has this name."""
        best = re.compile(f"best: {re.escape(name)}$")
        self.page.locator("#status").filter(has_text=best).wait_for()

    def wait_for_names(self, names: list[str]) -> None:
        """Until these are the best images."""
        limit = time.monotonic() + 60
        while self.names()[: len(names)] != names and time.monotonic() < limit:
            self.page.wait_for_timeout(20)
        assert self.names()[: len(names)] == names

    def drop(
        self, image: bytes, kind: str = "image/png", size: int = 0, script: str = DROP
    ) -> None:
        self.page.evaluate(script, [base64.b64encode(image).decode(), kind, size])

    def focused(self) -> str:
        return self.page.evaluate("document.activeElement.id || document.activeElement.innerText")

    def wait_for_focus(self, beginning: str) -> None:
        """Until what has the focus begins so: a closed dialog gives it back a moment later."""
        limit = time.monotonic() + 60
        while not self.focused().startswith(beginning) and time.monotonic() < limit:
            self.page.wait_for_timeout(20)
        assert self.focused().startswith(beginning)
