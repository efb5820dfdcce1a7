"""The PostgreSQL of a project's running services, for both references."""

import json
from pathlib import Path
from urllib.parse import quote


def url(services: str) -> str:
    """As libpq and sling take it."""
    shop = json.loads((Path(services) / "shop.json").read_text())["address"]
    user, password = quote(shop["user"]), quote(shop["password"])
    return f"postgresql://{user}:{password}@{shop['host']}:{shop['port']}/{shop['database']}"
