"""The collections of the SpaceX API (v4, launches v5) in the shape that its documentation gives, as of 17 October 2022.

Launches, rockets, pads, boosters and crews are the known ones; what is not in spacex_launches.py and spacex_facts.py
(satellites' elements, which of them decayed, ships at sea, static fires) is plausible and the same on every call.
https://github.com/r-spacex/SpaceX-API/tree/master/docs
"""
import hashlib
import random
import re
from datetime import datetime, timedelta, timezone

import spacex_facts as facts
import spacex_launches as launches_text

AS_OF = datetime(2022, 10, 17, tzinfo=timezone.utc)
STARLINK = {  # version, mass of a satellite in kg, height in km, inclination in degrees; by what the launch's name says
    "v0.9": ("v0.9", 227, 440, 53.0), "2-": ("v1.5", 295, 570, 70.0), "3-": ("v1.5", 295, 560, 97.6), "4-": ("v1.5", 295, 540, 53.22)}
ORBITS = {  # reference system, regime, periapsis and apoapsis in km, inclination in degrees
    "LEO": ("geocentric", "low-earth", 520, 560, 51.6), "ISS": ("geocentric", "low-earth", 412, 421, 51.64),
    "GTO": ("geocentric", "geostationary", 35780, 35794, 0.05), "GEO": ("geocentric", "geostationary", 35780, 35794, 0.05),
    "SSO": ("geocentric", "sun-synchronous", 510, 530, 97.5), "PO": ("geocentric", "low-earth", 776, 780, 86.4),
    "MEO": ("geocentric", "semi-synchronous", 20150, 20210, 55.1), "HEO": ("geocentric", "high-earth", 108300, 375000, 37.0),
    "ES-L1": ("heliocentric", "L1-point", None, None, None), "HCO": ("heliocentric", None, None, None, None),
    "BLT": ("heliocentric", None, None, None, None), "TLI": ("geocentric", None, None, None, None), "SO": ("geocentric", "sub-orbital", None, 42, None),
    "VLEO": ("geocentric", "very-low-earth", 540, 545, 53.0)}


def make_id(kind, name):
    return hashlib.sha1(f"{kind}/{name}".encode()).hexdigest()[:24]


def pounds(kg):
    return None if kg is None else round(kg * 2.20462262, 1)


def instant(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def local(at, offsets):
    # Daylight saving as the United States have it: from the second Sunday of March to the first of November.
    march, november = datetime(at.year, 3, 8, 10, tzinfo=timezone.utc), datetime(at.year, 11, 1, 9, tzinfo=timezone.utc)
    summer = march + timedelta(days=(6 - march.weekday()) % 7) <= at < november + timedelta(days=(6 - november.weekday()) % 7)
    zone = timezone(timedelta(hours=offsets[1 if summer else 0]))
    return at.astimezone(zone).isoformat()


def lengths(pair):
    return {"meters": pair[0], "feet": pair[1]}


def rocket(key):
    it = facts.ROCKETS[key]
    engine, count, version, layout = it["engines"]
    engines, fuel, burn, reusable = it["stage1"]
    return {
        "height": lengths(it["height"]), "diameter": lengths(it["diameter"]), "mass": {"kg": it["mass"][0], "lb": it["mass"][1]},
        "first_stage": {"reusable": reusable, "engines": engines, "fuel_amount_tons": fuel, "burn_time_sec": burn},
        "second_stage": {"reusable": key == "SS", "engines": 6 if key == "SS" else 1, "fuel_amount_tons": {"F1": 3.38, "SS": 1200}.get(key, 90), "burn_time_sec": {"F1": 378, "SS": None}.get(key, 397)},
        "engines": {"number": count, "type": engine, "version": version, "layout": layout, "propellant_1": "liquid oxygen",
                    "propellant_2": "liquid methane" if engine == "raptor" else "RP-1 kerosene"},
        "landing_legs": {"number": it["legs"], "material": None if key == "F1" else "stainless steel" if key == "SS" else "carbon fiber"},
        "payload_weights": [{"id": i, "name": n, "kg": kg, "lb": lb} for i, n, kg, lb in it["weights"]],
        "flickr_images": [], "name": it["name"], "type": "rocket", "active": it["active"], "stages": it["stages"], "boosters": it["boosters"],
        "cost_per_launch": it["cost_per_launch"], "success_rate_pct": it["success_rate_pct"], "first_flight": it["first_flight"],
        "country": "Republic of the Marshall Islands" if key == "F1" else "United States", "company": "SpaceX",
        "wikipedia": "https://en.wikipedia.org/wiki/" + it["name"].replace(" ", "_"), "description": it["description"], "id": it["id"]}


class Builder:
    def __init__(self):
        self.random = random.Random(20221017)
        self.launches, self.payloads, self.starlink = [], [], []
        self.cores, self.capsules, self.crew = {}, {}, {}
        self.ships = {name: self.ship(name) for name in facts.SHIPS}
        self.landpads = {key: self.landpad(key) for key in facts.LANDPADS}
        self.launchpads = {key: self.launchpad(key) for key in facts.LAUNCHPADS}
        self.next_norad = 44235

    # What has launches of its own.

    def ship(self, name):
        kind, roles, port, year, mass, active, *_ = facts.SHIPS[name]
        number = int(hashlib.sha1(name.encode()).hexdigest()[:8], 16)
        is_barge = kind == "Barge"
        return {"legacy_id": re.sub("[^A-Z0-9]", "", name.upper()), "model": None, "type": kind, "roles": roles,
                "imo": None if is_barge else 9000000 + number % 900000, "mmsi": None if is_barge else 366000000 + number % 1900000,
                "abs": None if is_barge else 1000000 + number % 300000, "class": None if is_barge else 7000000 + number % 300000,
                "mass_kg": mass, "mass_lbs": None if mass is None else int(mass * 2.20462262), "year_built": year, "home_port": port, "status": "",
                "speed_kn": None, "course_deg": None, "latitude": None, "longitude": None, "last_ais_update": None, "link": None, "image": None,
                "launches": [], "name": name, "active": active, "id": make_id("ship", name)}

    def landpad(self, key):
        full_name, status, kind, locality, region, latitude, longitude = facts.LANDPADS[key]
        return {"images": {"large": []}, "name": key, "full_name": full_name, "status": status, "type": kind, "locality": locality, "region": region,
                "latitude": latitude, "longitude": longitude, "landing_attempts": 0, "landing_successes": 0, "wikipedia": None, "details": None,
                "launches": [], "id": make_id("landpad", key)}

    def launchpad(self, key):
        pad_id, name, full_name, locality, region, zone, latitude, longitude, status, _ = facts.LAUNCHPADS[key]
        rockets = {"KW": ["F1"], "40": ["F9"], "39A": ["F9", "FH"], "4E": ["F9"], "STLS": ["SS"]}.get(key, [])
        return {"images": {"large": []}, "name": name, "full_name": full_name, "locality": locality, "region": region, "latitude": latitude,
                "longitude": longitude, "launch_attempts": 0, "launch_successes": 0, "rockets": [facts.ROCKETS[r]["id"] for r in rockets],
                "timezone": zone, "launches": [], "status": status, "details": None, "id": pad_id}

    def core(self, serial):
        if serial not in self.cores:
            number = int(serial[1:]) if serial[1:].isdigit() else 0
            block = 1 if number < 1003 else 2 if number < 1019 else 3 if number < 1039 else 4 if number < 1046 else 5
            self.cores[serial] = {"block": block if number else None, "reuse_count": 0, "rtls_attempts": 0, "rtls_landings": 0, "asds_attempts": 0,
                                  "asds_landings": 0, "last_update": None, "launches": [], "serial": serial, "status": "expended",
                                  "id": make_id("core", serial)}
        return self.cores[serial]

    def capsule(self, serial):
        if serial not in self.capsules:
            kind, status = facts.CAPSULES[serial]
            self.capsules[serial] = {"reuse_count": 0, "water_landings": 0, "land_landings": 0, "last_update": None, "launches": [],
                                     "serial": serial, "status": status, "type": kind, "id": make_id("capsule", serial)}
        return self.capsules[serial]

    def person(self, name):
        if name not in self.crew:
            self.crew[name] = {"name": name, "agency": facts.AGENCIES.get(name, "NASA"), "image": None,
                               "wikipedia": "https://en.wikipedia.org/wiki/" + name.replace(" ", "_"), "launches": [], "status": "active",
                               "id": make_id("crew", name)}
        return self.crew[name]

    # Launches and what belongs to one.

    def flown_core(self, text, launch_id, at):
        serial, _, landing = text.strip().partition(" ")
        core = self.core(serial)
        flight = len(core["launches"]) + 1
        core["launches"].append(launch_id)
        core["reuse_count"] = flight - 1
        result = {"core": core["id"], "flight": flight, "gridfins": serial >= "B1010", "legs": landing != "-", "reused": flight > 1,
                  "landing_attempt": landing != "-", "landing_success": None, "landing_type": None, "landpad": None}
        if landing == "-":
            core["last_update"] = f"Expended on flight {flight}"
            return result
        place, success = landing[:-1], landing[-1] == "+"
        if place == "JRTI" and at.year == 2015:
            place = "JRTI-1"
        result["landing_success"] = success
        result["landing_type"] = "Ocean" if place == "Ocean" else self.landpads[place]["type"]
        if place != "Ocean":
            pad = self.landpads[place]
            result["landpad"] = pad["id"]
            pad["landing_attempts"] += 1
            pad["landing_successes"] += success
            pad["launches"].append(launch_id)
            kind = pad["type"].lower()
            core[f"{kind}_attempts"] += 1
            core[f"{kind}_landings"] += success
        core["status"] = "active" if success and place != "Ocean" else "expended" if place == "Ocean" else "lost"
        core["last_update"] = f"{'Landed' if success else 'Did not land'} ({place}) on flight {flight}"
        return result

    def payload(self, text, launch_id, capsule, reused):
        name, customers, nation, manufacturer, mass, orbit = text.split(",")
        mass = float(mass) if "." in mass else int(mass) if mass else None
        is_dragon = capsule is not None and not name.startswith("Orbcomm")
        crewed = name.startswith(("Crew", "CCtCap", "Ax-", "Inspiration"))
        return self.add_payload(name, "Crew Dragon" if is_dragon and crewed else capsule["type"] if is_dragon else "Satellite", launch_id,
                                customers.split(" & "), nation, manufacturer, mass, orbit, capsule if is_dragon else None, is_dragon and reused, [])

    def add_payload(self, name, kind, launch_id, customers, nation, manufacturer, mass, orbit, capsule, reused, norad_ids):
        system, regime, periapsis, apoapsis, inclination = ORBITS[orbit]
        wobble = self.random.uniform(-6, 6)
        near = None if periapsis is None else round(periapsis + wobble, 3)
        far = None if apoapsis is None else round(apoapsis + wobble, 3)
        axis = None if near is None or far is None else round((near + far) / 2 + 6378.135, 3)
        period = None if axis is None else round(84.489 * (axis / 6378.135) ** 1.5, 3)
        returned = None if capsule is None or not name.startswith("CRS") or name == "CRS-7" else self.random.randrange(700, 2000)
        payload = {
            "dragon": {"capsule": None if capsule is None else capsule["id"], "mass_returned_kg": returned, "mass_returned_lbs": pounds(returned),
                       "flight_time_sec": None if capsule is None else self.random.randrange(2000000, 15000000), "manifest": None,
                       "water_landing": None if capsule is None else name != "CRS-7", "land_landing": None if capsule is None else False},
            "name": name, "type": kind, "reused": reused, "launch": launch_id, "customers": customers, "norad_ids": norad_ids, "nationalities": [nation],
            "manufacturers": manufacturer.split(" & "), "mass_kg": mass, "mass_lbs": pounds(mass), "orbit": orbit, "reference_system": system,
            "regime": regime, "longitude": None, "semi_major_axis_km": axis,
            "eccentricity": None if axis is None else round((far - near) / (2 * axis), 7), "periapsis_km": near, "apoapsis_km": far,
            "inclination_deg": inclination, "period_min": period, "lifespan_years": None if capsule is not None else self.random.choice([None, 3, 5, 7, 15]),
            "epoch": None, "mean_motion": None if period is None else round(1440 / period, 8), "raan": None, "arg_of_pericenter": None, "mean_anomaly": None,
            "id": make_id("payload", name)}
        self.payloads.append(payload)
        return payload["id"]

    def starlinks(self, count, launch_id, name, at):
        version, mass, height, inclination = STARLINK["v0.9"] if "v0.9" in name else next(
            (values for part, values in STARLINK.items() if f"Starlink {part}" in name), ("v1.0", 260, 550, 53.05))
        designator = sum(1 for other in self.launches if other["date_utc"][:4] == str(at.year)) * 4 + 3
        norad_ids = []
        # Satellites decay one by one; those of 4-7 met a geomagnetic storm, those of v0.9 were taken down.
        storm = name.startswith("Starlink 4-7 ")
        rate = 0.93 if version == "v0.9" else 0.1 if version == "v1.0" else 0.02
        for index in range(count):
            decayed = index < 38 if storm else self.random.random() < rate
            norad = self.next_norad
            self.next_norad += 1
            norad_ids.append(norad)
            self.starlink.append(self.satellite(norad, version, launch_id, at, f"{at.year}-{designator:03d}{self.piece(index)}",
                                                height, inclination, decayed, storm))
        payload = self.add_payload(re.split(" & ", name)[0], "Satellite", launch_id, ["SpaceX"], "United States", "SpaceX", mass * count, "VLEO", None,
                                   False, norad_ids)
        return payload

    @staticmethod
    def piece(index):
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        return letters[index] if index < 24 else letters[index // 24 - 1] + letters[index % 24]

    def satellite(self, norad, version, launch_id, at, designator, height, inclination, decayed, storm):
        rng = self.random
        span = max(6, (AS_OF - at).days)
        fallen = None
        if decayed:
            fallen = at + timedelta(days=rng.randrange(4, 8) if storm else rng.randrange(min(60, span - 1), span))
        epoch = (fallen or AS_OF) - timedelta(hours=rng.uniform(1, 30))
        level = 165 + rng.uniform(-15, 15) if decayed else height + rng.uniform(-3, 3)
        axis = 6378.135 + level
        period = 84.489 * (axis / 6378.135) ** 1.5
        eccentricity = round(rng.uniform(0.00005, 0.0004), 7)
        name = f"STARLINK-{norad - 43235 if version != 'v1.5' else norad - 44100}"
        track = {
            "CCSDS_OMM_VERS": "2.0", "COMMENT": "GENERATED VIA SPACE-TRACK.ORG API", "CREATION_DATE": epoch.strftime("%Y-%m-%dT%H:46:08"),
            "ORIGINATOR": "18 SPCS", "OBJECT_NAME": name, "OBJECT_ID": designator, "CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC",
            "MEAN_ELEMENT_THEORY": "SGP4", "EPOCH": epoch.strftime("%Y-%m-%dT%H:%M:%S.%f"), "MEAN_MOTION": round(1440 / period, 8),
            "ECCENTRICITY": eccentricity, "INCLINATION": round(inclination + rng.uniform(-0.01, 0.01), 4), "RA_OF_ASC_NODE": round(rng.uniform(0, 360), 4),
            "ARG_OF_PERICENTER": round(rng.uniform(0, 360), 4), "MEAN_ANOMALY": round(rng.uniform(0, 360), 4), "EPHEMERIS_TYPE": 0,
            "CLASSIFICATION_TYPE": "U", "NORAD_CAT_ID": norad, "ELEMENT_SET_NO": 999, "REV_AT_EPOCH": int((epoch - at).total_seconds() / 60 / period),
            "BSTAR": round(rng.uniform(-0.0001, 0.0009), 8), "MEAN_MOTION_DOT": round(rng.uniform(-0.00002, 0.00009), 8), "MEAN_MOTION_DDOT": 0,
            "SEMIMAJOR_AXIS": round(axis, 3), "PERIOD": round(period, 3), "APOAPSIS": round(level + axis * eccentricity, 3),
            "PERIAPSIS": round(level - axis * eccentricity, 3), "OBJECT_TYPE": "PAYLOAD", "RCS_SIZE": "LARGE", "COUNTRY_CODE": "US",
            "LAUNCH_DATE": at.strftime("%Y-%m-%d"), "SITE": "AFETR" if inclination < 60 else "AFWTR",
            "DECAY_DATE": None if fallen is None else fallen.strftime("%Y-%m-%d"), "DECAYED": int(decayed), "FILE": 2850000 + norad % 997,
            "GP_ID": 160000000 + norad * 7, "TLE_LINE0": f"0 {name}",
            "TLE_LINE1": f"1 {norad}U {designator[2:4]}{designator[5:]:<6} {epoch.strftime('%y%j')}.5 -.00000000  00000-0  00000-0 0  9990",
            "TLE_LINE2": f"2 {norad}  {inclination:7.4f} 000.0000 {int(eccentricity * 1e7):07d} 000.0000 000.0000 {1440 / period:11.8f}00000"}
        return {"spaceTrack": track, "launch": launch_id, "version": version, "height_km": None if decayed else round(level, 6),
                "latitude": None if decayed else round(rng.uniform(-inclination, inclination) if inclination < 90 else rng.uniform(-82, 82), 6),
                "longitude": None if decayed else round(rng.uniform(-180, 180), 6),
                "velocity_kms": None if decayed else round((398600.4418 / axis) ** 0.5, 6), "id": make_id("starlink", norad)}

    def ships_at_sea(self, launch, cores, fairing, capsule, at, pad):
        """Who goes out, by what there is to recover and where; the newest ships of the year first."""
        wanted = set()
        places = {c["landpad"] for c in cores if c["landing_type"] == "ASDS"}
        for key in ("OCISLY", "JRTI", "ASOG"):
            if self.landpads[key]["id"] in places or (key == "JRTI" and self.landpads["JRTI-1"]["id"] in places):
                wanted.add(key)
        west = " west" if pad == "4E" else ""
        if wanted:
            wanted.add("asds" + west)
        if fairing and at.year >= 2017 and self.random.random() < 0.85:
            wanted.add("fairing" + west)
        if capsule and launch["success"]:
            wanted.add("dragon east" if at.year >= 2019 else "dragon")
        aboard = []
        for name, (*_, first, last, work) in facts.SHIPS.items():
            tasks = {work} if work in wanted or " " not in work else set(work.split(" ")) if not work.endswith((" west", " east")) else {work}
            if first <= at.year <= last and tasks & wanted and (work in ("OCISLY", "JRTI", "ASOG") or self.random.random() < 0.7):
                aboard.append(name)
        for name in aboard:
            self.ships[name]["launches"].append(launch["id"])
        roles = {name: facts.SHIPS[name][-1] for name in aboard}
        return [self.ships[n]["id"] for n in aboard], [self.ships[n]["id"] for n in aboard if roles[n].startswith("fairing")]

    def past_launch(self, number, line):
        date, name, pad, cores, capsule, payloads, more = line.split("|")
        at = instant(date)
        launch_id = make_id("launch", name)
        launchpad = self.launchpads[pad]
        extra = dict(part.split("=", 1) for part in [more] if part)
        failed = "fail" in extra
        key = "F1" if pad == "KW" else "FH" if ";" in cores else "F9"
        flown = [self.flown_core(text, launch_id, at) for text in cores.split(";")]
        carried = None
        if capsule:
            carried = self.capsule(capsule)
            carried["reuse_count"] = len(carried["launches"])
            carried["launches"].append(launch_id)
            carried["water_landings"] += not failed
        crew = []
        for text in extra.get("crew", "").split("+") if "crew" in extra else []:
            person, role = text.split(":")
            self.person(person)["launches"].append(launch_id)
            crew.append({"crew": self.person(person)["id"], "role": role})
        failures = []
        if failed:
            time, altitude, reason = extra["fail"].split("/", 2)
            failures.append({"time": int(time), "altitude": int(altitude) if altitude else None, "reason": reason})
        fire = None if pad == "KW" or self.random.random() < 0.25 else at - timedelta(days=self.random.randrange(2, 9), minutes=self.random.randrange(0, 600))
        launch = {
            "fairings": None, "links": self.links(name), "static_fire_date_utc": None if fire is None else iso(fire),
            "static_fire_date_unix": None if fire is None else int(fire.timestamp()), "net": False,
            "window": self.random.choice([0, 0, 0, 0, 3600, 7200, 14400, None]), "rocket": facts.ROCKETS[key]["id"], "success": not failed, "failures": failures,
            "details": self.details(name, key, pad, cores), "crew": crew, "ships": [], "capsules": [carried["id"]] if carried else [], "payloads": [],
            "launchpad": launchpad["id"], "flight_number": number, "name": name, "date_utc": iso(at), "date_unix": int(at.timestamp()),
            "date_local": local(at, facts.LAUNCHPADS[pad][-1]), "date_precision": "hour", "upcoming": False, "cores": flown, "auto_update": True,
            "tbd": False, "launch_library_id": None, "id": launch_id}
        for text in payloads.split(";"):
            launch["payloads"].append(self.starlinks(int(text[1:]), launch_id, name, at) if text.startswith("*") else
                                      self.payload(text, launch_id, carried, carried is not None and carried["reuse_count"] > 0))
        launch["ships"], fairing_ships = self.ships_at_sea(launch, flown, not capsule and key != "F1", capsule, at, pad)
        if not capsule:
            tried = bool(fairing_ships)
            launch["fairings"] = {"reused": "Starlink" in name and at.year >= 2020 and self.random.random() < 0.7, "recovery_attempt": tried,
                                  "recovered": self.random.random() < 0.8 if tried else False, "ships": fairing_ships}
        launchpad["launches"].append(launch_id)
        launchpad["launch_attempts"] += 1
        launchpad["launch_successes"] += not failed
        self.launches.append(launch)

    def upcoming_launch(self, number, line):
        name, date, precision, pad, key, payloads = line.split("|")
        at = instant(date)
        launch_id = make_id("launch", name)
        nobody = {"core": None, "flight": None, "gridfins": None, "legs": None, "reused": None, "landing_attempt": None, "landing_success": None,
                  "landing_type": None, "landpad": None}
        is_dragon = name.startswith(("CRS", "Crew", "Ax-"))
        self.launches.append({
            "fairings": None if is_dragon else {"reused": None, "recovery_attempt": None, "recovered": None, "ships": []}, "links": self.links(None),
            "static_fire_date_utc": None, "static_fire_date_unix": None, "net": False, "window": None, "rocket": facts.ROCKETS[key]["id"], "success": None,
            "failures": [], "details": None, "crew": [], "ships": [], "capsules": [],
            "payloads": [self.add_payload(name.split(" (")[0], "Satellite", launch_id, ["SpaceX"], "United States", "SpaceX", None, "VLEO", None, False, [])]
            if not payloads else [self.payload(payloads, launch_id, None, False)],
            "launchpad": self.launchpads[pad]["id"], "flight_number": number, "name": name, "date_utc": iso(at), "date_unix": int(at.timestamp()),
            "date_local": local(at, facts.LAUNCHPADS[pad][-1]), "date_precision": precision, "upcoming": True, "cores": [nobody] * (3 if key == "FH" else 1),
            "auto_update": True, "tbd": precision != "hour", "launch_library_id": None, "id": launch_id})
        self.launchpads[pad]["launches"].append(launch_id)

    @staticmethod
    def links(name):
        wikipedia = None if name is None else "https://en.wikipedia.org/wiki/" + re.sub(r"[^\w-]+", "_", name).strip("_")
        return {"patch": {"small": None, "large": None}, "reddit": {"campaign": None, "launch": None, "media": None, "recovery": None},
                "flickr": {"small": [], "original": []}, "presskit": None, "webcast": None, "youtube_id": None, "article": None, "wikipedia": wikipedia}

    def details(self, name, key, pad, cores):
        if self.random.random() < 0.2:
            return None
        serials = ", ".join(text.split(" ")[0] for text in cores.split(";"))
        return f"{facts.ROCKETS[key]['name']} ({serials}) launches {name} from {self.launchpads[pad]['name']}."

    def build(self):
        for number, line in enumerate(launches_text.PAST.strip().split("\n"), 1):
            self.past_launch(number, line)
        for number, line in enumerate(launches_text.UPCOMING.strip().split("\n"), len(self.launches) + 1):
            self.upcoming_launch(number, line)
        # Catalogued, and not yet matched to a launch.
        for _ in range(7):
            norad = self.next_norad
            self.next_norad += 1
            satellite = self.satellite(norad, "v1.5", None, AS_OF - timedelta(days=12), "2022-125A", 540, 53.22, False, False)
            self.starlink.append(satellite | {"version": None})
        for serial, core in self.cores.items():
            if serial in facts.LOST_CORES:
                core["status"] = "lost"
            elif serial in facts.RETIRED_CORES and core["status"] == "active":
                core["status"] = "retired"
            elif core["status"] == "active" and not any(l["id"] in core["launches"] for l in self.launches[120:]):
                core["status"] = "inactive"
        for serial in facts.CAPSULES:
            self.capsule(serial)
        for serial in ("B1080", "B1081"):
            self.core(serial)["status"] = "unknown"
        return {
            "launches": self.launches, "rockets": [rocket(key) for key in facts.ROCKETS], "launchpads": list(self.launchpads.values()),
            "landpads": list(self.landpads.values()), "payloads": self.payloads, "cores": list(self.cores.values()),
            "capsules": sorted(self.capsules.values(), key=lambda c: c["serial"]), "crew": list(self.crew.values()), "ships": list(self.ships.values()),
            "dragons": dragons(), "starlink": self.starlink, "company": facts.COMPANY, "roadster": facts.ROADSTER,
            "history": [{"links": {"article": None}, "title": title, "event_date_utc": at, "event_date_unix": int(datetime.fromisoformat(at[:-1] + "+00:00").timestamp()),
                         "details": details, "id": make_id("history", title)} for title, at, details in facts.HISTORY]}


def dragons():
    def dragon(name, first_flight, crew, mass, dry, description):
        return {"heat_shield": {"material": "PICA-X", "size_meters": 3.6, "temp_degrees": 3000, "dev_partner": "NASA"},
                "launch_payload_mass": {"kg": mass, "lb": int(mass * 2.20462262)}, "launch_payload_vol": {"cubic_meters": 25, "cubic_feet": 883},
                "return_payload_mass": {"kg": 3000, "lb": 6614}, "return_payload_vol": {"cubic_meters": 11, "cubic_feet": 388},
                "pressurized_capsule": {"payload_volume": {"cubic_meters": 11, "cubic_feet": 388}},
                "trunk": {"trunk_volume": {"cubic_meters": 14, "cubic_feet": 494}, "cargo": {"solar_array": 2, "unpressurized_cargo": True}},
                "height_w_trunk": {"meters": 7.2, "feet": 23.6}, "diameter": {"meters": 3.7, "feet": 12}, "first_flight": first_flight, "flickr_images": [],
                "name": name, "type": "capsule", "active": name == "Dragon 2", "crew_capacity": crew, "sidewall_angle_deg": 15, "orbit_duration_yr": 2,
                "dry_mass_kg": dry, "dry_mass_lb": int(dry * 2.20462262),
                "thrusters": [{"type": "Draco", "amount": 18 if crew == 0 else 12, "pods": 4, "fuel_1": "nitrogen tetroxide", "fuel_2": "monomethylhydrazine",
                               "isp": 300, "thrust": {"kN": 0.4, "lbf": 90}}],
                "wikipedia": "https://en.wikipedia.org/wiki/" + name.replace(" ", "_"), "description": description, "id": make_id("dragon", name)}
    return [dragon("Dragon 1", "2010-12-08", 0, 6000, 4200, "Dragon is a reusable spacecraft that carried cargo to the International Space Station from 2012 to 2020."),
            dragon("Dragon 2", "2019-03-02", 7, 6000, 6350, "Dragon 2 carries people (Crew Dragon) and cargo (Cargo Dragon) to the International Space Station.")]


def collections():
    return Builder().build()
