#!/usr/bin/env python3
"""Serves the SpaceX API (launches v5, everything else v4) from spacex_data.py, for recordings.

    GET  /v4/rockets          every document          GET /v4/rockets/<id>   one of them
    POST /v4/rockets/query    {"query": {…}, "options": {…}} -> a page, as mongoose-paginate answers

Of queries: equality, $gt, $gte, $lt, $lte, $ne, $in, $exists. Of options: select (a text or an object), sort, limit, page, offset,
pagination. What else the API can do is refused.
https://github.com/r-spacex/SpaceX-API/blob/master/docs/queries.md
"""
import operator

import spacex_data
from json_server import serve

SINGLE = ("company", "roadster")
COMPARISONS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
OPTIONS = {"select", "sort", "limit", "page", "offset", "pagination"}
collections = spacex_data.collections()


def value_at(document, path):
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def holds(value, condition):
    if not isinstance(condition, dict):
        return value == condition or (isinstance(value, list) and condition in value)
    for name, operand in condition.items():
        if name in COMPARISONS:
            fits = value is not None and COMPARISONS[name](value, operand)
        elif name == "$ne":
            fits = value != operand
        elif name == "$in":
            fits = value in operand
        elif name == "$exists":
            fits = (value is not None) == operand
        else:
            raise ValueError(f"unsupported: {name}")
        if not fits:
            return False
    return True


def chosen(document, select):
    """The fields of "a b.c" or {"a": 1}; without those of "-a" or {"a": 0}. The id always comes along."""
    if isinstance(select, str):
        select = {name.lstrip("-"): 0 if name.startswith("-") else 1 for name in select.split()}
    if not select:
        return document
    wanted = [name for name, keep in select.items() if keep]
    dropped = [name for name, keep in select.items() if not keep]

    def pick(value, prefix):
        kept = {}
        for name, inner in value.items():
            path = prefix + name
            if path in dropped:
                continue
            if not wanted or path in wanted or path == "id":
                kept[name] = inner
            elif isinstance(inner, dict) and any(other.startswith(path + ".") for other in wanted + dropped):
                kept[name] = pick(inner, path + ".")
        return kept

    return pick(document, "")


def sorted_by(documents, sort):
    if isinstance(sort, str):
        sort = {name.lstrip("-"): -1 if name.startswith("-") else 1 for name in sort.split()}
    for name, direction in reversed(list((sort or {}).items())):
        documents = sorted(documents, key=lambda d: (value_at(d, name) is not None, value_at(d, name)), reverse=direction in (-1, "desc", "descending"))
    return documents


def page_of(documents, options):
    total = len(documents)
    if options.get("pagination") is False:
        limit, offset = total, 0
    else:
        limit = int(options.get("limit", 10))
        offset = int(options["offset"]) if "offset" in options else (int(options.get("page", 1)) - 1) * limit
    pages = -(-total // limit) if limit else 1
    page = offset // limit + 1 if limit else 1
    return {"docs": documents[offset:offset + limit], "totalDocs": total, "offset": offset, "limit": limit, "totalPages": max(pages, 1), "page": page,
            "pagingCounter": offset + 1, "hasPrevPage": page > 1, "hasNextPage": page < pages, "prevPage": page - 1 if page > 1 else None,
            "nextPage": page + 1 if page < pages else None}


def answer(method, path, body, _):
    parts = path.strip("/").split("/")
    known = len(parts) in (2, 3) and parts[1] in collections and parts[0] == ("v5" if parts[1] == "launches" else "v4")
    if not known:
        return 404, "Not Found"
    documents = collections[parts[1]]
    if method == "GET" and len(parts) == 2:
        return 200, documents
    if parts[1] in SINGLE:
        return 404, "Not Found"
    if method == "GET":
        found = [document for document in documents if document["id"] == parts[2]]
        return (200, found[0]) if found else (404, "Not Found")
    if parts[2:] != ["query"]:
        return 404, "Not Found"
    query, options = body.get("query", {}), body.get("options", {})
    if set(options) - OPTIONS:
        raise ValueError(f"unsupported: {sorted(set(options) - OPTIONS)}")
    matching = [d for d in documents if all(holds(value_at(d, name), condition) for name, condition in query.items())]
    page = page_of(sorted_by(matching, options.get("sort")), options)
    return 200, page | {"docs": [chosen(document, options.get("select")) for document in page["docs"]]}


if __name__ == "__main__":
    serve("The SpaceX API on loopback", answer)
