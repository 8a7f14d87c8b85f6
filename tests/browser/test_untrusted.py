"""No untrusted text runs or leads elsewhere, on any page."""

import json
import re
from urllib.parse import quote

from tests.payloads import channel_changed, group_changed, group_created, group_destroyed

RUN = "window.__ran=1"
CORPUS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>top.{RUN}</script>'>",
    f"<iframe src=javascript:top.{RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<template><script>{RUN}</script></template>",
    f"<a href=javascript:{RUN}>x</a>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'" autofocus onfocus="{RUN}',
    f"' autofocus onfocus='{RUN}",
    f"` onmouseover={RUN} `",
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"--><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f"*/</style><script>{RUN}</script>",
    "<style>*{display:none}</style>",
    "<base href=http://elsewhere.example/>",
    "<meta http-equiv=refresh content='0;url=http://elsewhere.example/'>",
    "<link rel=stylesheet href=http://elsewhere.example/x.css>",
    "<form action=http://elsewhere.example/><button>Sign in</button></form>",
    "<plaintext>",
    "<!--",
    "<textarea>",
    "{{ 7*191 }}",
    "{% raw %}",
    "${7*191}",
    "%(user)s %s %",
    "\u202e</tpircs>",
    "\u2028alert",
    "+ADw-script+AD4-",
    "\x1b]8;;http://elsewhere.example\x07click\x1b]8;;\x07",
    "\uff1cscript\uff1e",
    "\ud800<script>",
    "\0<script>",
]
PAGES = [
    "",
    "health",
    "channels",
    "groups",
    "events",
    "deliveries",
    "quarantine",
    "drift",
    "system",
    "search?q=%3C",
]


REFLECTED = ["search?q=", "groups?id=", "deliveries?command=", "events?since=", "groups?x&"]
MOST_CHARACTERS = 200  # of a filter


def deliver_corpus(post, record):
    """Put each text everywhere that a text can be."""
    for number, text in enumerate(CORPUS):
        sent = text.encode(errors="replace")  # a query string has no lone surrogates
        named = {"GroupId": f"{text}{number}"[:250], "Name": text}
        post(group_created(**named, Owner_Account=text, Operator_Account=text, Type=text))
        post(group_changed(**named, Introduction=text, Notification=text, FaceUrl=text))
        post(
            group_destroyed(**named, MemberList=[{"Member_Account": text}]),
            query={"ClientIP": sent, "OptPlatform": sent, sent: sent},
        )
        post(channel_changed(Official_Account=text, Organization=text, **{text: {text: text}}))
        post({"CallbackCommand": text}, query={"CallbackCommand": sent})
        post(data=json.dumps([text]).encode())
        post({"CallbackCommand": "Group.CallbackAfterGroupFull", "GroupId": {text: text}})
        post(data=sent, query={"SdkAppid": sent})
    record()


def put_together(texts):
    """Join as many texts as a filter takes; a NUL would hide those beside it."""
    joined = ""
    for text in texts:
        if joined and ("\0" in text or len(joined) + len(text) > MOST_CHARACTERS):
            yield joined
            joined = ""
        joined += text
    yield joined


def links_of(page):
    """List the pages that a page leads to."""
    found = page.eval_on_selector_all("main a[href]", "links => links.map(link => link.href)")
    return [link for link in found if not (link.endswith("/body") or "/console/export/" in link)]


def test_no_text_runs_or_leads_elsewhere(open_page, post, record, address):
    deliver_corpus(post, record)
    # Without the policy that stops scripts, to show that there are none.
    with open_page(bypass_csp=True, expected="the server responded with") as page:
        page.set_default_timeout(30_000)
        for path in PAGES:
            assert page.goto(f"/console/{path}").status == 200, path
            check(page)
        for path in REFLECTED:
            for text in put_together(CORPUS):
                page.goto(f"/console/{path}{quote(text.encode(errors='replace'))}")
                check(page)
        visited = set()
        for path in ("channels?limit=500", "groups?limit=500", "deliveries?limit=200"):
            assert page.goto(f"/console/{path}").status == 200, path
            check(page)
            for link in links_of(page):
                kind = re.sub(r"[^/]+$", "", link.partition("?")[0])
                assert link.startswith(f"{address}/console/"), link
                if link not in visited and sum(one.startswith(kind) for one in visited) < 60:
                    visited.add(link)
                    assert page.goto(link, wait_until="domcontentloaded").status == 200, link
                    check(page)
        assert len(visited) > 100


def check(page):
    """Check that a page is as its template made it."""
    seen = page.evaluate(
        """() => ({
            ran: window.__ran,
            odd: document.querySelectorAll(
                'script:not([src^="/console/static/"]), iframe, img, style, base, video, math,'
                + 'template, object, embed, textarea, plaintext, noscript,'
                + 'meta[http-equiv], link:not([href^="/console/static/"]), svg:not(.chart svg),'
                + 'form:not([action^="/console/"], [method=dialog], .filters, .steps)').length,
            handlers: [...document.querySelectorAll('*')].filter(
                one => one.getAttributeNames().some(name => name.startsWith('on'))).length,
            mains: document.querySelectorAll('main').length,
            footer: document.querySelector('footer')?.checkVisibility(),
        })"""
    )
    expected = {"ran": None, "odd": 0, "handlers": 0, "mains": 1, "footer": True}
    assert seen == expected, page.url
