"""The search box: from what was typed to what is meant."""

from collections.abc import Mapping, Sequence
from functools import cache

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.language import CHINESE, put_plainly
from blueprints.console.shell import bp, may_open
from blueprints.console.zone import choose_zone
from models.text import fold
from models.vocabulary import Action, Findable, Match, SubjectType
from schemas.api.search import SearchQuerySchema
from services.reading.pages import Row
from services.searching.asked import Asked, understand
from services.searching.search import Found, find_all
from services.searching.suggestions import ACTIONS, Filters, suggest_lists


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Show what was found by kind, and matching lists; redirect to the only answer."""
    arguments = read_arguments()
    if "q" not in arguments:
        return redirect(url_for(".show_overview"))
    query = SearchQuerySchema().load(arguments)
    asked = understand(query["q"])
    with runtime().connect() as connection:
        found = find_all(connection, asked, query["kind"])
        suggested = suggest_lists(connection, asked, zone=choose_zone(), words=list_words())
        lists = [one for one in suggested if may_open(f"list_{one.list}")]
    if not found and len(lists) == 1:
        return redirect(url_for(f".list_{lists[0].list}", **lists[0].filters))
    only = None if lists else find_only(asked, found)
    if only is not None and may_open(f"show_{only[0]}"):
        return redirect(address(*only))
    return render_template("console/search.html", asked=asked, found=found, lists=lists)


def find_only(asked: Asked, found: Sequence[Found]) -> tuple[Findable, Row] | None:
    """Find what is meant: the only hit, or the only channel or group with exactly this ID."""
    every = [(one.kind, item) for one in found for item in one.items]
    whole = [(kind, item) for kind, item in every if fold(item["text"]) == asked.folded]
    if len(whole) == 1 and whole[0][0] in [*SubjectType] and whole[0][1]["match"] is Match.ID:
        return whole[0]
    return every[0] if len(every) == 1 else None


def address(kind: Findable, item: Row) -> str:
    """Address the page of a hit."""
    match kind:
        case Findable.DELIVERY:
            return url_for(".show_delivery", delivery_id=item["id"])
        case Findable.USER:
            return url_for(".show_user", user_id=item["id"])
        case _:
            # An ID in several apps would have been found several times.
            app = None if item["match"] is Match.ID else item["sdk_app_id"]
            return url_for(f".show_{kind}", subject_id=item["id"], sdk_app_id=app)


@cache
def list_words() -> Mapping[str, Filters]:
    """List the labels of actions, folded, each with the filters for its events."""
    words = dict(ACTIONS)
    for kind in ("", *SubjectType):
        for action in Action:
            word = put_plainly(action, kind)
            filters = {"action": action} | ({"subject_type": kind} if kind else {})
            for spelling in (word, CHINESE[word], CHINESE[word].removeprefix("已")):
                words.setdefault(fold(spelling), filters)
    return words
