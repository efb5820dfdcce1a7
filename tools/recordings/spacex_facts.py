"""What stays the same in the SpaceX API: rockets, pads, ships, capsules, people, milestones."""

ROCKETS = {
    "F1": dict(id="5e9d0d95eda69955f709d1eb", name="Falcon 1", active=False, stages=2, boosters=0, cost_per_launch=6700000,
               success_rate_pct=40, first_flight="2006-03-24", height=(22.25, 73), diameter=(1.68, 5.5), mass=(30146, 66460),
               weights=[("leo", "Low Earth Orbit", 450, 992)], engines=("merlin", 1, "1C", "single"), stage1=(1, 44.3, 169, False), legs=0,
               description="The Falcon 1 was an expendable launch system privately developed and manufactured by SpaceX during 2006-2009."),
    "F9": dict(id="5e9d0d95eda69973a809d1ec", name="Falcon 9", active=True, stages=2, boosters=0, cost_per_launch=50000000,
               success_rate_pct=98, first_flight="2010-06-04", height=(70, 229.6), diameter=(3.7, 12), mass=(549054, 1207920),
               weights=[("leo", "Low Earth Orbit", 22800, 50265), ("gto", "Geosynchronous Transfer Orbit", 8300, 18300),
                        ("mars", "Mars Orbit", 4020, 8860)], engines=("merlin", 9, "1D+", "octaweb"), stage1=(9, 385, 162, True), legs=4,
               description="Falcon 9 is a two-stage rocket designed and manufactured by SpaceX for the reliable and safe transport of satellites and the Dragon spacecraft into orbit."),
    "FH": dict(id="5e9d0d95eda69974db09d1ed", name="Falcon Heavy", active=True, stages=2, boosters=2, cost_per_launch=90000000,
               success_rate_pct=100, first_flight="2018-02-06", height=(70, 229.6), diameter=(12.2, 39.9), mass=(1420788, 3125735),
               weights=[("leo", "Low Earth Orbit", 63800, 140660), ("gto", "Geosynchronous Transfer Orbit", 26700, 58860),
                        ("mars", "Mars Orbit", 16800, 37040), ("pluto", "Pluto Orbit", 3500, 7720)],
               engines=("merlin", 27, "1D+", "octaweb"), stage1=(27, 1155, 162, True), legs=12,
               description="With the ability to lift into orbit over 54 metric tons, Falcon Heavy lifts more than twice the payload of the next closest operational vehicle of its day."),
    "SS": dict(id="5e9d0d96eda699382d09d1ee", name="Starship", active=False, stages=2, boosters=0, cost_per_launch=7000000,
               success_rate_pct=0, first_flight="2021-12-01", height=(118, 387), diameter=(9, 30), mass=(1335000, 2943000),
               weights=[("leo", "Low Earth Orbit", 150000, 330000), ("mars", "Mars Orbit", 100000, 220000), ("moon", "Moon Orbit", 100000, 220000)],
               engines=("raptor", 37, "", ""), stage1=(37, 3300, None, True), legs=6,
               description="Starship and Super Heavy are a fully reusable transportation system designed to carry crew and cargo to Earth orbit, the Moon, Mars and beyond."),
}

# key: id, name, full name, locality, region, time zone, latitude, longitude, status, UTC offset without and with daylight saving
LAUNCHPADS = {
    "KW": ("5e9e4502f5090995de566f86", "Kwajalein Atoll", "Kwajalein Atoll Omelek Island", "Omelek Island", "Marshall Islands",
           "Pacific/Kwajalein", 9.0477206, 167.7431292, "retired", (12, 12)),
    "40": ("5e9e4501f509094ba4566f84", "CCSFS SLC 40", "Cape Canaveral Space Force Station Space Launch Complex 40", "Cape Canaveral", "Florida",
           "America/New_York", 28.5618571, -80.577366, "active", (-5, -4)),
    "39A": ("5e9e4502f509094188566f88", "KSC LC 39A", "Kennedy Space Center Historic Launch Complex 39A", "Cape Canaveral", "Florida",
            "America/New_York", 28.6080585, -80.6039558, "active", (-5, -4)),
    "4E": ("5e9e4502f509092b78566f87", "VAFB SLC 4E", "Vandenberg Space Force Base Space Launch Complex 4E", "Vandenberg Space Force Base",
           "California", "America/Los_Angeles", 34.632093, -120.610829, "active", (-8, -7)),
    "3W": ("5e9e4501f5090910d4566f83", "VAFB SLC 3W", "Vandenberg Space Force Base Space Launch Complex 3W", "Vandenberg Space Force Base",
           "California", "America/Los_Angeles", 34.6440904, -120.5931438, "retired", (-8, -7)),
    "STLS": ("5e9e4502f5090927f8566f85", "STLS", "SpaceX South Texas Launch Site", "Boca Chica Village", "Texas",
             "America/Chicago", 25.9972641, -97.1560845, "under construction", (-6, -5)),
}

# key: full name, status, type, locality, region, latitude, longitude
LANDPADS = {
    "LZ-1": ("Landing Zone 1", "active", "RTLS", "Cape Canaveral", "Florida", 28.485833, -80.544444),
    "LZ-2": ("Landing Zone 2", "active", "RTLS", "Cape Canaveral", "Florida", 28.485833, -80.544444),
    "LZ-4": ("Landing Zone 4", "active", "RTLS", "Vandenberg Space Force Base", "California", 34.632989, -120.615167),
    "OCISLY": ("Of Course I Still Love You", "active", "ASDS", "Port Canaveral", "Florida", 28.4104, -80.6188),
    "JRTI": ("Just Read The Instructions V2", "active", "ASDS", "Port Canaveral", "Florida", 28.4104, -80.6188),
    "ASOG": ("A Shortfall of Gravitas", "active", "ASDS", "Port Canaveral", "Florida", 28.4104, -80.6188),
    "JRTI-1": ("Just Read The Instructions V1", "retired", "ASDS", "Port Canaveral", "Florida", 28.4104, -80.6188),
}

# name: type, roles, home port, year built, mass in kg, active, first and last year of service, what it does (see spacex_data)
SHIPS = {
    "Of Course I Still Love You": ("Barge", ["ASDS barge"], "Port of Los Angeles", 2015, None, True, 2015, 2022, "OCISLY"),
    "Just Read The Instructions 1": ("Barge", ["ASDS barge"], "Port Canaveral", 2014, None, False, 2015, 2015, "JRTI"),
    "Just Read The Instructions 2": ("Barge", ["ASDS barge"], "Port Canaveral", 2015, None, True, 2016, 2022, "JRTI"),
    "A Shortfall of Gravitas": ("Barge", ["ASDS barge"], "Port Canaveral", 2021, None, True, 2021, 2022, "ASOG"),
    "Elsbeth III": ("Tug", ["ASDS Tug"], "Port Canaveral", 1999, 354711, False, 2015, 2017, "asds"),
    "Hawk": ("Tug", ["ASDS Tug"], "Port Canaveral", 1995, 588000, False, 2017, 2020, "asds"),
    "Rachel": ("Tug", ["ASDS Tug"], "Port Canaveral", 1975, 147000, False, 2020, 2020, "asds"),
    "Finn Falgout": ("Tug", ["ASDS Tug"], "Port Canaveral", 2016, 605000, True, 2020, 2022, "asds"),
    "Kelly C": ("Tug", ["ASDS Tug"], "Port of Los Angeles", 2007, 216000, False, 2016, 2018, "asds west"),
    "Pacific Warrior": ("Tug", ["ASDS Tug"], "Port of Los Angeles", 1999, 236000, False, 2016, 2018, "asds west"),
    "Pacific Freedom": ("Tug", ["ASDS Tug"], "Port of Los Angeles", 2009, 278000, False, 2018, 2019, "asds west"),
    "Scorpius": ("Tug", ["ASDS Tug"], "Port of Los Angeles", 2001, 301000, True, 2021, 2022, "asds west"),
    "GO Quest": ("Cargo", ["ASDS support"], "Port Canaveral", 2004, 449964, True, 2015, 2022, "asds"),
    "NRC Quest": ("Cargo", ["ASDS support", "Dragon Recovery"], "Port of Los Angeles", 2002, 449964, False, 2016, 2021, "asds west"),
    "HOS Briarwood": ("Cargo", ["Fairing Recovery", "Support Ship"], "Port Canaveral", 2007, 1800000, False, 2021, 2021, "fairing"),
    "Bob": ("Cargo", ["ASDS support", "Fairing Recovery"], "Port Canaveral", 2014, 3200000, True, 2021, 2022, "fairing"),
    "Doug": ("Cargo", ["ASDS support", "Fairing Recovery"], "Port Canaveral", 2014, 3200000, True, 2021, 2022, "fairing asds"),
    "GO Ms. Tree": ("High Speed Craft", ["Fairing Recovery"], "Port Canaveral", 2015, 550000, False, 2018, 2021, "fairing"),
    "GO Ms. Chief": ("High Speed Craft", ["Fairing Recovery"], "Port Canaveral", 2014, 550000, False, 2019, 2021, "fairing"),
    "GO Pursuit": ("Cargo", ["Support Ship", "Fairing Recovery"], "Port Canaveral", 2007, 502999, False, 2017, 2019, "fairing"),
    "NRC Dixie": ("Cargo", ["Fairing Recovery"], "Port of Los Angeles", 1998, 710000, False, 2021, 2022, "fairing west"),
    "GO Navigator": ("Cargo", ["Support Ship", "Dragon Recovery", "Fairing Recovery"], "Port Canaveral", 2009, 451778, True, 2018, 2022, "dragon east"),
    "GO Searcher": ("Cargo", ["Support Ship", "Dragon Recovery", "Fairing Recovery"], "Port Canaveral", 2010, 502999, True, 2016, 2022, "dragon east"),
    "American Islander": ("Cargo", ["Dragon Recovery"], "Port of Los Angeles", 2006, None, False, 2010, 2014, "dragon"),
    "American Champion": ("Cargo", ["Dragon Recovery"], "Port of Los Angeles", 1976, 266712, False, 2012, 2013, "dragon"),
    "American Spirit": ("Cargo", ["Dragon Recovery"], "Port of Los Angeles", 1970, None, False, 2014, 2014, "dragon"),
    "Freedom": ("Cargo", ["Dragon Recovery"], "Port of Los Angeles", 1975, None, False, 2010, 2010, "dragon"),
    "Shelia Bordelon": ("Cargo", ["Fairing Recovery Salvage"], "Port Canaveral", 2015, None, True, 2021, 2022, "none"),
    "Megan": ("Cargo", ["Dragon Recovery"], "Port Canaveral", 2010, 502999, True, 2023, 2023, "dragon east"),
}

# serial: type, status
CAPSULES = {f"C{n}": ("Dragon 1.0", "retired") for n in (101, 102)}
CAPSULES |= {f"C{n}": ("Dragon 1.1", "retired") for n in range(103, 114)}
CAPSULES |= {"C109": ("Dragon 1.1", "destroyed"), "C201": ("Dragon 2.0", "retired"), "C202": ("Dragon 2.0", "retired"),
             "C203": ("Dragon 2.0", "unknown"), "C204": ("Dragon 2.0", "destroyed"), "C205": ("Dragon 2.0", "retired")}
CAPSULES |= {f"C{n}": ("Dragon 2.0", "active") for n in range(206, 213)}

AGENCIES = {
    "Soichi Noguchi": "JAXA", "Akihiko Hoshide": "JAXA", "Koichi Wakata": "JAXA", "Thomas Pesquet": "ESA", "Matthias Maurer": "ESA",
    "Samantha Cristoforetti": "ESA", "Anna Kikina": "Roscosmos", "Jared Isaacman": "SpaceX", "Sian Proctor": "SpaceX",
    "Hayley Arceneaux": "SpaceX", "Chris Sembroski": "SpaceX", "Michael López-Alegría": "Axiom Space", "Larry Connor": "Axiom Space",
    "Mark Pathy": "Axiom Space", "Eytan Stibbe": "Axiom Space",
}

LOST_CORES = {"B1050", "B1055", "B1042", "B1033"}  # landed or tried to, and never flew again for it
RETIRED_CORES = {"B1019", "B1021", "B1022", "B1023", "B1025", "B1026", "B1029", "B1031", "B1035"}

COMPANY = dict(
    headquarters=dict(address="Rocket Road", city="Hawthorne", state="California"),
    links=dict(website="https://www.spacex.com/", flickr="https://www.flickr.com/photos/spacex/", twitter="https://twitter.com/SpaceX",
               elon_twitter="https://twitter.com/elonmusk"),
    name="SpaceX", founder="Elon Musk", founded=2002, employees=9500, vehicles=4, launch_sites=3, test_sites=3, ceo="Elon Musk", cto="Elon Musk",
    coo="Gwynne Shotwell", cto_propulsion="Tom Mueller", valuation=74000000000,
    summary="SpaceX designs, manufactures and launches advanced rockets and spacecraft. The company was founded in 2002.",
    id="5eb75edc42fea42237d7f3ed")

ROADSTER = dict(
    name="Elon Musk's Tesla Roadster", launch_date_utc="2018-02-06T20:45:00.000Z", launch_date_unix=1517949900, launch_mass_kg=1350,
    launch_mass_lbs=2976, norad_id=43205, epoch_jd=2459866.5, orbit_type="heliocentric", apoapsis_au=1.664332, periapsis_au=0.986174,
    semi_major_axis_au=1.325253, eccentricity=0.2558594, inclination=1.0750, longitude=316.9190, periapsis_arg=177.7493,
    period_days=557.2396, speed_kph=79740.26, speed_mph=49548.32, earth_distance_km=342165042.1, earth_distance_mi=212611465.9,
    mars_distance_km=277834981.4, mars_distance_mi=172638630.7, wikipedia="https://en.wikipedia.org/wiki/Elon_Musk%27s_Tesla_Roadster",
    video="https://youtu.be/wbSwFU6tY1c", flickr_images=[],
    details="Elon Musk's Tesla Roadster is the dummy payload of the February 2018 Falcon Heavy test flight and is now an artificial satellite of the Sun.",
    id="5eb75f0842fea42237d7f3f4")

HISTORY = [
    ("SpaceX's first launch to orbit", "2008-09-28T23:15:00Z", "Falcon 1 becomes the first privately developed liquid-fuel rocket to reach Earth orbit."),
    ("NASA awards SpaceX a contract for cargo", "2008-12-23T01:00:00Z", "The Commercial Resupply Services contract: 12 flights for $1.6 billion."),
    ("Falcon 1 carries its first commercial satellite", "2009-07-13T03:35:00Z", "RazakSAT of Malaysia is placed in orbit."),
    ("Falcon 9's first flight", "2010-06-04T18:45:00Z", "Falcon 9 reaches orbit on its first try."),
    ("Dragon returns from orbit", "2010-12-08T15:43:00Z", "The first private company to return a spacecraft from Earth orbit."),
    ("Dragon reaches the space station", "2012-05-22T07:44:00Z", "The first private spacecraft to berth with the International Space Station."),
    ("First flight to a geostationary orbit", "2013-12-03T22:41:00Z", "SES-8 is delivered to a geosynchronous transfer orbit."),
    ("NASA selects SpaceX for crew", "2014-09-16T19:00:00Z", "Commercial Crew Transportation Capability contracts go to SpaceX and Boeing."),
    ("First landing of an orbital booster", "2015-12-22T01:39:00Z", "The first stage of OG-2 Mission 2 lands at Landing Zone 1."),
    ("First landing at sea", "2016-04-08T20:53:00Z", "The first stage of CRS-8 lands on a drone ship."),
    ("First reflight of a booster", "2017-03-30T22:27:00Z", "B1021 flies a second time and lands again."),
    ("First reflight of a Dragon", "2017-06-03T21:07:00Z", "C106 returns to the space station."),
    ("Falcon Heavy's first flight", "2018-02-06T20:45:00Z", "The most powerful operational rocket sends a car beyond Mars' orbit."),
    ("Dragon 2 docks with the space station", "2019-03-03T10:51:00Z", "The first American spacecraft to dock autonomously."),
    ("SpaceX flies astronauts", "2020-05-30T19:22:00Z", "Bob Behnken and Doug Hurley: the first crew from the United States since 2011."),
    ("First operational crew flight", "2020-11-16T00:27:00Z", "Crew-1 takes four people to the space station."),
    ("First crew without a professional astronaut", "2021-09-16T00:02:56Z", "Inspiration4 orbits the Earth for three days."),
]
