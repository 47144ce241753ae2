"""40 texts that try to run something, or to look like something else, where they are shown."""

_RUN = "window.ran=1"
MARKUP = (
    f"<script>{_RUN}</script>",
    f"</script><script>{_RUN}</script>",
    f"<img src=x onerror={_RUN}>",
    f"<svg onload={_RUN}>",
    f"<svg><script>{_RUN}</script></svg>",
    f'"><img src=x onerror={_RUN}>',
    f"' onmouseover='{_RUN}' x='",
    f'" autofocus onfocus="{_RUN}" x="',
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<a href=javascript:{_RUN}>click</a>",
    f"<details open ontoggle={_RUN}>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={_RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={_RUN}>'>",
    f"<template><img src=x onerror={_RUN}></template>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "</style><style>*{display:none!important}</style>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
)
SCRIPTS = (
    f"javascript:{_RUN}",
    f"data:text/html,<script>{_RUN}</script>",
    f"${{{_RUN}}}",
    "{{7*7}}",
    "`;window.ran=1;`",
    f"\\u003cscript\\u003e{_RUN}\\u003c/script\\u003e",
    f"&lt;script&gt;{_RUN}&lt;/script&gt;",
    "__proto__",
    "constructor",
)
CONTROLS = (
    "\x1b[2J\x1b[1;1Hrelease 9 serves now",
    "\x1b]0;title\x07\x1b]8;;https://evil.example\x07link",
    "line\nbreak\r\nand another",
    "\u202egnp.evil",
    "\u2066a\u2069\u200fb\ufeff",
    "\x00nul\x08\x7f\x9b31m",
    "\u2028separated\u2029",
    "../../../../etc/passwd",
    "x" * 3_000,
)
TEXTS = (*MARKUP, *SCRIPTS, *CONTROLS)
assert len(TEXTS) == len(set(TEXTS)) == 40
