#!/usr/bin/env python3
"""Serves who is in space, as http://api.open-notify.org/astros.json does, before and after the crews changed in April 2024.

http://open-notify.org/Open-Notify-API/People-In-Space/
"""
from json_server import serve

STATION = ["Oleg Kononenko", "Nikolai Chub", "Tracy Caldwell Dyson", "Matthew Dominick", "Michael Barratt", "Jeanette Epps", "Alexander Grebenkin"]
PEOPLE = {
    # Expedition 71 with its visitors; Shenzhou 17 on Tiangong.
    "before": {"ISS": STATION + ["Loral O'Hara", "Oleg Novitsky", "Marina Vasilevskaya"], "Tiangong": ["Tang Hongbo", "Tang Shengjie", "Jiang Xinlin"]},
    # Soyuz MS-24 is back; Shenzhou 18 has relieved Shenzhou 17.
    "after": {"ISS": STATION, "Tiangong": ["Ye Guangfu", "Li Cong", "Li Guangsu"]},
}


def answer(method, path, _, arguments):
    if method != "GET" or path != "/astros.json":
        return 404, {"message": "not found"}
    people = [{"craft": craft, "name": name} for craft, names in PEOPLE[arguments.crew].items() for name in names]
    return 200, {"people": people, "number": len(people), "message": "success"}


if __name__ == "__main__":
    serve("People in space, on loopback", answer, [("--crew", {"choices": sorted(PEOPLE), "default": "before"})])
