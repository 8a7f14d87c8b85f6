"""Read the HTML of a page."""

import re


def plain(html):
    """Give the text of some HTML, with single spaces; what stands in one line stays together."""
    lines = re.sub("</?(?:a|bdi|small|span|time)\\b[^>]*>", "", html)
    return " ".join(re.sub("<[^>]+>", " ", lines).split())


def section(html, name):
    """Give the text of a section by its heading's ID."""
    found = re.search(rf'<section[^>]* aria-labelledby="{name}">.*?</section>', html, re.DOTALL)
    assert found, name
    return plain(found[0])


def next_page(html):
    """Give the address of the next page, or none."""
    found = re.search('<a href="/console/([^"#]+)(?:#[^"]*)?" rel="next">', html)
    return found and found[1].replace("&amp;", "&")
