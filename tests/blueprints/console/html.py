"""Read the HTML of a page."""

import re


def plain(html):
    """Return the text of some HTML with single spaces; the text of one line stays together."""
    lines = re.sub("</?(?:a|bdi|small|span|time)\\b[^>]*>", "", html)
    return " ".join(re.sub("<[^>]+>", " ", lines).split())


def section(html, name):
    """Return the text of a section by the ID of its heading."""
    found = re.search(rf'<section[^>]* aria-labelledby="{name}">.*?</section>', html, re.DOTALL)
    assert found, name
    return plain(found[0])


def next_page(html):
    """Return the address of the next page, or none."""
    found = re.search('<a href="/console/([^"#]+)(?:#[^"]*)?" rel="next">', html)
    return found and found[1].replace("&amp;", "&")
