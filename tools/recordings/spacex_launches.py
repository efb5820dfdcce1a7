"""Every launch of Falcon 1, Falcon 9 and Falcon Heavy to October 2022, and what was planned next, a line each.

    date and time (UTC) | name | pad | cores | capsule | payloads | more

cores     serial, then how it landed: "-" no attempt; else the landing pad and + or - (Ocean has no pad)
payloads  name, customers (&), nation, manufacturer, mass in kg, orbit; separated by ";". "*N" stands for N Starlinks
more      fail=seconds/km/reason, crew=name:role+name:role
"""

PAST = """
2006-03-24T22:30:00|FalconSat|KW|Merlin1A -||FalconSAT-2,DARPA,United States,SSTL,20,LEO|fail=33//merlin engine failure
2007-03-21T01:10:00|DemoSat|KW|Merlin2A -||DemoSAT,DARPA,United States,SpaceX,,LEO|fail=301/289/harmonic oscillation leading to premature engine shutdown
2008-08-03T03:34:00|Trailblazer|KW|Merlin1C -||Trailblazer,NASA,United States,SpaceDev,,LEO;PRESat,ORS,United States,NASA,,LEO|fail=140/35/residual stage-1 thrust led to collision between stage 1 and stage 2
2008-09-28T23:15:00|RatSat|KW|Merlin2C -||RatSat,SpaceX,United States,SpaceX,165,LEO|
2009-07-13T03:35:00|RazakSat|KW|Merlin3C -||RazakSAT,ATSB,Malaysia,Satrec,200,LEO|
2010-06-04T18:45:00|Falcon 9 Test Flight|40|B0003 -||Dragon Qualification Unit,SpaceX,United States,SpaceX,,LEO|
2010-12-08T15:43:00|COTS 1|40|B0004 -|C101|COTS Demo Flight 1,NASA (COTS),United States,SpaceX,,LEO|
2012-05-22T07:44:00|COTS 2|40|B0005 -|C102|COTS Demo Flight 2,NASA (COTS),United States,SpaceX,525,ISS|
2012-10-08T00:35:00|CRS-1|40|B0006 -|C103|CRS-1,NASA (CRS),United States,SpaceX,400,ISS;Orbcomm-OG2,Orbcomm,United States,Sierra Nevada Corporation,172,LEO|
2013-03-01T15:10:00|CRS-2|40|B0007 -|C104|CRS-2,NASA (CRS),United States,SpaceX,677,ISS|
2013-09-29T16:00:00|CASSIOPE|4E|B1003 Ocean-||CASSIOPE,MDA,Canada,MDA,500,PO|
2013-12-03T22:41:00|SES-8|40|B1004 -||SES-8,SES,Luxembourg,Orbital ATK,3170,GTO|
2014-01-06T22:06:00|Thaicom 6|40|B1005 -||Thaicom 6,Thaicom,Thailand,Orbital ATK,3325,GTO|
2014-04-18T19:25:00|CRS-3|40|B1006 Ocean+|C105|CRS-3,NASA (CRS),United States,SpaceX,2296,ISS|
2014-07-14T15:15:00|OG-2 Mission 1|40|B1007 Ocean+||Orbcomm-OG2-M1,Orbcomm,United States,Sierra Nevada Corporation,1032,LEO|
2014-08-05T08:00:00|AsiaSat 8|40|B1008 -||AsiaSat 8,AsiaSat,Hong Kong,SSL,4535,GTO|
2014-09-07T05:00:00|AsiaSat 6|40|B1011 -||AsiaSat 6,AsiaSat,Hong Kong,SSL,4428,GTO|
2014-09-21T05:52:00|CRS-4|40|B1010 -|C106|CRS-4,NASA (CRS),United States,SpaceX,2216,ISS|
2015-01-10T09:47:00|CRS-5|40|B1012 JRTI-|C107|CRS-5,NASA (CRS),United States,SpaceX,2395,ISS|
2015-02-11T23:03:00|DSCOVR|40|B1013 Ocean+||DSCOVR,NASA & NOAA & USAF,United States,NASA,570,ES-L1|
2015-03-02T03:50:00|ABS-3A / Eutelsat 115W B|40|B1014 -||ABS-3A,Asia Broadcast Satellite,Bermuda,Boeing,1954,GTO;Eutelsat 115 West B,Eutelsat,France,Boeing,2205,GTO|
2015-04-14T20:10:00|CRS-6|40|B1015 JRTI-|C108|CRS-6,NASA (CRS),United States,SpaceX,1898,ISS|
2015-04-27T23:03:00|TürkmenÄlem 52°E / MonacoSAT|40|B1016 -||TürkmenÄlem 52°E / MonacoSAT,Turkmenistan National Space Agency,Turkmenistan,Thales Alenia Space,4707,GTO|
2015-06-28T14:21:00|CRS-7|40|B1018 -|C109|CRS-7,NASA (CRS),United States,SpaceX,1952,ISS|fail=139/40/helium tank overpressure lead to the second stage LOX tank explosion
2015-12-22T01:29:00|OG-2 Mission 2|40|B1019 LZ-1+||Orbcomm-OG2-M2,Orbcomm,United States,Sierra Nevada Corporation,2034,LEO|
2016-01-17T18:42:00|Jason 3|4E|B1017 JRTI-||Jason 3,NASA & NOAA & CNES & Eumetsat,United States,Thales Alenia Space,553,PO|
2016-03-04T23:35:00|SES-9|40|B1020 OCISLY-||SES-9,SES,Luxembourg,Boeing,5271,GTO|
2016-04-08T20:43:00|CRS-8|40|B1021 OCISLY+|C110|CRS-8,NASA (CRS),United States,SpaceX,3136,ISS|
2016-05-06T05:21:00|JCSAT-2B|40|B1022 OCISLY+||JCSAT-2B,SKY Perfect JSAT,Japan,SSL,4696,GTO|
2016-05-27T21:39:00|Thaicom 8|40|B1023 OCISLY+||Thaicom 8,Thaicom,Thailand,Orbital ATK,3100,GTO|
2016-06-15T14:29:00|ABS-2A / Eutelsat 117W B|40|B1024 OCISLY-||ABS-2A,Asia Broadcast Satellite,Bermuda,Boeing,1800,GTO;Eutelsat 117 West B,Eutelsat,France,Boeing,1963,GTO|
2016-07-18T04:45:00|CRS-9|40|B1025 LZ-1+|C111|CRS-9,NASA (CRS),United States,SpaceX,2257,ISS|
2016-08-14T05:26:00|JCSAT-16|40|B1026 OCISLY+||JCSAT-16,SKY Perfect JSAT,Japan,SSL,4600,GTO|
2016-09-01T13:07:00|Amos-6|40|B1028 -||Amos-6,Spacecom,Israel,Israel Aerospace Industries,5500,GTO|fail=-165180/0/buckled liner of a COPV tank let oxygen accumulate underneath, which was ignited by friction
2017-01-14T17:54:00|Iridium NEXT Mission 1|4E|B1029 JRTI+||Iridium NEXT 1,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2017-02-19T14:39:00|CRS-10|39A|B1031 LZ-1+|C112|CRS-10,NASA (CRS),United States,SpaceX,2490,ISS|
2017-03-16T06:00:00|EchoStar 23|39A|B1030 -||EchoStar 23,EchoStar,United States,SSL,5600,GTO|
2017-03-30T22:27:00|SES-10|39A|B1021 OCISLY+||SES-10,SES,Luxembourg,Airbus Defence and Space,5300,GTO|
2017-05-01T11:15:00|NROL-76|39A|B1032 LZ-1+||NROL-76,NRO,United States,Boeing,,LEO|
2017-05-15T23:21:00|Inmarsat-5 F4|39A|B1034 -||Inmarsat-5 F4,Inmarsat,United Kingdom,Boeing,6070,GTO|
2017-06-03T21:07:00|CRS-11|39A|B1035 LZ-1+|C106|CRS-11,NASA (CRS),United States,SpaceX,2708,ISS|
2017-06-23T19:10:00|BulgariaSat-1|39A|B1029 OCISLY+||BulgariaSat-1,Bulgaria Sat,Bulgaria,SSL,3669,GTO|
2017-06-25T20:25:00|Iridium NEXT Mission 2|4E|B1036 JRTI+||Iridium NEXT 2,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2017-07-05T23:38:00|Intelsat 35e|39A|B1037 -||Intelsat 35e,Intelsat,United States,Boeing,6761,GTO|
2017-08-14T16:31:00|CRS-12|39A|B1039 LZ-1+|C113|CRS-12,NASA (CRS),United States,SpaceX,3310,ISS|
2017-08-24T18:51:00|FormoSat-5|4E|B1038 JRTI+||FormoSat-5,NSPO,Taiwan,NSPO,475,SSO|
2017-09-07T14:00:00|Boeing X-37B OTV-5|39A|B1040 LZ-1+||X-37B OTV-5,USAF,United States,Boeing,4990,LEO|
2017-10-09T12:37:00|Iridium NEXT Mission 3|4E|B1041 JRTI+||Iridium NEXT 3,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2017-10-11T22:53:00|SES-11 / EchoStar 105|39A|B1031 OCISLY+||SES-11 / EchoStar 105,SES & EchoStar,Luxembourg,Airbus Defence and Space,5200,GTO|
2017-10-30T19:34:00|KoreaSat 5A|39A|B1042 OCISLY+||KoreaSat 5A,KT Corporation,South Korea,Thales Alenia Space,3700,GTO|
2017-12-15T15:36:00|CRS-13|40|B1035 LZ-1+|C108|CRS-13,NASA (CRS),United States,SpaceX,2205,ISS|
2017-12-23T01:27:00|Iridium NEXT Mission 4|4E|B1036 Ocean+||Iridium NEXT 4,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2018-01-08T01:00:00|ZUMA|40|B1043 LZ-1+||ZUMA,Northrop Grumman,United States,Northrop Grumman,,LEO|
2018-01-31T21:25:00|SES-16 / GovSat-1|40|B1032 Ocean+||GovSat-1,GovSat,Luxembourg,Orbital ATK,4230,GTO|
2018-02-06T20:45:00|Falcon Heavy Test Flight|39A|B1033 OCISLY-;B1023 LZ-1+;B1025 LZ-2+||Tesla Roadster,SpaceX,United States,Tesla,1350,HCO|
2018-02-22T14:17:00|Paz / Starlink Demo|4E|B1038 -||Paz,HisdeSAT,Spain,Airbus Defence and Space,1350,SSO;Tintin A & B,SpaceX,United States,SpaceX,800,SSO|
2018-03-06T05:33:00|Hispasat 30W-6|40|B1044 -||Hispasat 30W-6,Hispasat,Spain,SSL,6092,GTO|
2018-03-30T14:13:00|Iridium NEXT Mission 5|4E|B1041 -||Iridium NEXT 5,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2018-04-02T20:30:00|CRS-14|40|B1039 -|C110|CRS-14,NASA (CRS),United States,SpaceX,2647,ISS|
2018-04-18T22:51:00|TESS|40|B1045 OCISLY+||TESS,NASA,United States,Orbital ATK,362,HEO|
2018-05-11T20:14:00|Bangabandhu-1|39A|B1046 OCISLY+||Bangabandhu-1,Bangladesh Communication Satellite Company,Bangladesh,Thales Alenia Space,3600,GTO|
2018-05-22T19:47:58|Iridium NEXT Mission 6|4E|B1043 -||Iridium NEXT 6,Iridium Communications,United States,Thales Alenia Space,4300,PO;GRACE-FO,NASA & GFZ,Germany,Airbus Defence and Space,1160,PO|
2018-06-04T04:45:00|SES-12|40|B1040 -||SES-12,SES,Luxembourg,Airbus Defence and Space,5384,GTO|
2018-06-29T09:42:00|CRS-15|40|B1045 -|C111|CRS-15,NASA (CRS),United States,SpaceX,2697,ISS|
2018-07-22T05:50:00|Telstar 19V|40|B1047 OCISLY+||Telstar 19V,Telesat,Canada,SSL,7075,GTO|
2018-07-25T11:39:00|Iridium NEXT Mission 7|4E|B1048 JRTI+||Iridium NEXT 7,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2018-08-07T05:18:00|Merah Putih|40|B1046 OCISLY+||Merah Putih,Telkom Indonesia,Indonesia,SSL,5800,GTO|
2018-09-10T04:45:00|Telstar 18V|40|B1049 OCISLY+||Telstar 18V,Telesat,Canada,SSL,7060,GTO|
2018-10-08T02:22:00|SAOCOM 1A|4E|B1048 LZ-4+||SAOCOM 1A,CONAE,Argentina,INVAP,3000,SSO|
2018-11-15T20:46:00|Es’hail 2|39A|B1047 OCISLY+||Es’hail 2,Es’hailSat,Qatar,Mitsubishi Electric,5300,GTO|
2018-12-03T18:34:00|SSO-A|4E|B1046 JRTI+||SSO-A,Spaceflight Industries,United States,Spaceflight Industries,4000,SSO|
2018-12-05T18:16:00|CRS-16|40|B1050 LZ-1-|C112|CRS-16,NASA (CRS),United States,SpaceX,2573,ISS|
2018-12-23T13:51:00|GPS III SV01 (Vespucci)|40|B1054 -||GPS III SV01,USAF,United States,Lockheed Martin,4400,MEO|
2019-01-11T15:31:00|Iridium NEXT Mission 8|4E|B1049 JRTI+||Iridium NEXT 8,Iridium Communications,United States,Thales Alenia Space,9600,PO|
2019-02-22T01:45:00|Nusantara Satu (PSN-6) / S5 / Beresheet|40|B1048 OCISLY+||Nusantara Satu,PSN,Indonesia,SSL,4100,GTO;Beresheet,SpaceIL,Israel,SpaceIL,585,TLI;S5,AFRL,United States,Blue Canyon,60,GTO|
2019-03-02T07:45:00|CCtCap Demo Mission 1|39A|B1051 OCISLY+|C204|CCtCap Demo Mission 1,NASA (CCtCap),United States,SpaceX,12055,ISS|
2019-04-11T22:35:00|ArabSat 6A|39A|B1055 OCISLY+;B1052 LZ-1+;B1053 LZ-2+||ArabSat 6A,Arabsat,Saudi Arabia,Lockheed Martin,6465,GTO|
2019-05-04T06:48:00|CRS-17|40|B1056 OCISLY+|C113|CRS-17,NASA (CRS),United States,SpaceX,2495,ISS|
2019-05-24T02:30:00|Starlink v0.9|40|B1049 OCISLY+||*60|
2019-06-12T14:17:00|RADARSAT Constellation|4E|B1051 LZ-4+||RADARSAT Constellation,Canadian Space Agency,Canada,MDA,4200,SSO|
2019-06-25T03:30:00|STP-2|39A|B1057 OCISLY-;B1052 LZ-1+;B1053 LZ-2+||STP-2,USAF,United States,AFRL,3700,LEO|
2019-07-25T22:01:00|CRS-18|40|B1056 LZ-1+|C108|CRS-18,NASA (CRS),United States,SpaceX,2312,ISS|
2019-08-06T22:52:00|Amos-17|40|B1047 -||Amos-17,Spacecom,Israel,Boeing,6500,GTO|
2019-11-11T14:56:00|Starlink-1|40|B1048 OCISLY+||*60|
2019-12-05T17:29:23|CRS-19|40|B1059 OCISLY+|C106|CRS-19,NASA (CRS),United States,SpaceX,2617,ISS|
2019-12-17T00:10:00|JCSat 18 / Kacific 1|40|B1056 OCISLY+||JCSat 18 / Kacific 1,SKY Perfect JSAT & Kacific,Japan,Boeing,6956,GTO|
2020-01-07T02:19:00|Starlink-2|40|B1049 OCISLY+||*60|
2020-01-19T15:30:00|Crew Dragon In Flight Abort Test|39A|B1046 -|C205|Crew Dragon In Flight Abort Test,NASA (CCtCap),United States,SpaceX,12500,SO|
2020-01-29T14:06:00|Starlink-3|40|B1051 OCISLY+||*60|
2020-02-17T15:05:55|Starlink-4|40|B1056 OCISLY-||*60|
2020-03-07T04:50:31|CRS-20|40|B1059 LZ-1+|C112|CRS-20,NASA (CRS),United States,SpaceX,1977,ISS|
2020-03-18T12:16:00|Starlink-5|39A|B1048 OCISLY-||*60|
2020-04-22T19:30:00|Starlink-6|39A|B1051 OCISLY+||*60|
2020-05-30T19:22:00|CCtCap Demo Mission 2|39A|B1058 OCISLY+|C206|CCtCap Demo Mission 2,NASA (CCtCap),United States,SpaceX,12530,ISS|crew=Robert Behnken:Joint Operations Commander+Douglas Hurley:Commander
2020-06-04T01:25:00|Starlink-7|40|B1049 JRTI+||*60|
2020-06-13T09:21:00|Starlink-8 & SkySat 16-18|40|B1059 OCISLY+||*58;SkySat 16-18,Planet Labs,United States,Maxar,330,LEO|
2020-06-30T20:10:46|GPS III SV03 (Columbus)|40|B1060 JRTI+||GPS III SV03,USSF,United States,Lockheed Martin,4331,MEO|
2020-07-20T21:30:00|ANASIS-II|40|B1058 JRTI+||ANASIS-II,Republic of Korea Army,South Korea,Airbus Defence and Space,5000,GTO|
2020-08-07T05:12:00|Starlink-9 & BlackSky Global 5-6|39A|B1051 OCISLY+||*57;BlackSky Global 5-6,BlackSky,United States,LeoStella,112,LEO|
2020-08-18T14:31:00|Starlink-10 & SkySat 19-21|40|B1049 OCISLY+||*58;SkySat 19-21,Planet Labs,United States,Maxar,330,LEO|
2020-08-30T23:18:00|SAOCOM 1B, GNOMES-1, Tyvak-0172|40|B1059 LZ-1+||SAOCOM 1B,CONAE,Argentina,INVAP,3000,SSO;GNOMES-1,PlanetiQ,United States,Blue Canyon,30,SSO;Tyvak-0172,Tyvak,United States,Tyvak,10,SSO|
2020-09-03T12:46:00|Starlink-11|39A|B1060 OCISLY+||*60|
2020-10-06T11:29:00|Starlink-12|39A|B1058 OCISLY+||*60|
2020-10-18T12:25:00|Starlink-13|39A|B1051 OCISLY+||*60|
2020-10-24T15:31:00|Starlink-14|40|B1060 JRTI+||*60|
2020-11-05T23:24:00|GPS III SV04 (Sacagawea)|40|B1062 OCISLY+||GPS III SV04,USSF,United States,Lockheed Martin,4331,MEO|
2020-11-16T00:27:00|Crew-1|39A|B1061 JRTI+|C207|Crew-1,NASA (CCtCap),United States,SpaceX,12500,ISS|crew=Mike Hopkins:Commander+Victor J. Glover:Pilot+Shannon Walker:Mission Specialist 1+Soichi Noguchi:Mission Specialist 2
2020-11-21T17:17:00|Sentinel-6 Michael Freilich|4E|B1063 LZ-4+||Sentinel-6 Michael Freilich,NASA & NOAA & ESA & Eumetsat,Germany,Airbus Defence and Space,1192,LEO|
2020-11-25T02:13:00|Starlink-15|40|B1049 OCISLY+||*60|
2020-12-06T16:17:00|CRS-21|39A|B1058 OCISLY+|C208|CRS-21,NASA (CRS),United States,SpaceX,2972,ISS|
2020-12-13T17:30:00|SXM-7|40|B1051 JRTI+||SXM-7,Sirius XM,United States,SSL,7000,GTO|
2020-12-19T14:00:00|NROL-108|39A|B1059 LZ-1+||NROL-108,NRO,United States,Northrop Grumman,,LEO|
2021-01-08T02:15:00|Türksat 5A|40|B1060 JRTI+||Türksat 5A,Türksat,Turkey,Airbus Defence and Space,3500,GTO|
2021-01-20T13:02:00|Starlink-16|39A|B1051 JRTI+||*60|
2021-01-24T15:00:00|Transporter-1|40|B1058 OCISLY+||Transporter-1,Various,United States,Various,5000,SSO|
2021-02-04T06:19:00|Starlink-18|40|B1060 OCISLY+||*60|
2021-02-16T03:59:37|Starlink-19|40|B1059 OCISLY-||*60|
2021-03-04T08:24:00|Starlink-17|39A|B1049 OCISLY+||*60|
2021-03-11T08:13:00|Starlink-20|40|B1058 JRTI+||*60|
2021-03-14T10:01:00|Starlink-21|39A|B1051 OCISLY+||*60|
2021-03-24T08:28:00|Starlink-22|40|B1060 OCISLY+||*60|
2021-04-07T16:34:00|Starlink-23|40|B1058 OCISLY+||*60|
2021-04-23T09:49:02|Crew-2|39A|B1061 OCISLY+|C206|Crew-2,NASA (CCtCap),United States,SpaceX,12500,ISS|crew=Shane Kimbrough:Commander+Megan McArthur:Pilot+Akihiko Hoshide:Mission Specialist 1+Thomas Pesquet:Mission Specialist 2
2021-04-29T03:44:00|Starlink-24|40|B1060 JRTI+||*60|
2021-05-04T19:01:00|Starlink-25|39A|B1049 OCISLY+||*60|
2021-05-09T06:42:00|Starlink-27|40|B1051 JRTI+||*60|
2021-05-15T22:56:00|Starlink-26|39A|B1058 OCISLY+||*52;Capella-6,Capella Space,United States,Capella Space,112,LEO|
2021-05-26T18:59:00|Starlink-28|40|B1063 JRTI+||*60|
2021-06-03T17:29:00|CRS-22|39A|B1067 OCISLY+|C209|CRS-22,NASA (CRS),United States,SpaceX,3328,ISS|
2021-06-06T04:26:00|SXM-8|40|B1061 JRTI+||SXM-8,Sirius XM,United States,SSL,7000,GTO|
2021-06-17T16:09:00|GPS III SV05|40|B1062 JRTI+||GPS III SV05,USSF,United States,Lockheed Martin,4331,MEO|
2021-06-30T19:31:00|Transporter-2|40|B1060 LZ-1+||Transporter-2,Various,United States,Various,5000,SSO|
2021-08-29T07:14:49|CRS-23|39A|B1061 ASOG+|C208|CRS-23,NASA (CRS),United States,SpaceX,2207,ISS|
2021-09-14T03:55:50|Starlink 2-1 (v1.5)|4E|B1049 OCISLY+||*51|
2021-09-16T00:02:56|Inspiration4|39A|B1062 JRTI+|C207|Inspiration4,Shift4 Payments,United States,SpaceX,12519,LEO|crew=Jared Isaacman:Commander+Sian Proctor:Pilot+Hayley Arceneaux:Medical Officer+Chris Sembroski:Mission Specialist
2021-11-11T02:03:31|Crew-3|39A|B1067 ASOG+|C210|Crew-3,NASA (CCtCap),United States,SpaceX,13000,ISS|crew=Raja Chari:Commander+Thomas Marshburn:Pilot+Matthias Maurer:Mission Specialist 1+Kayla Barron:Mission Specialist 2
2021-11-13T12:19:30|Starlink 4-1 (v1.5)|40|B1058 JRTI+||*53|
2021-11-24T06:21:02|DART|4E|B1063 OCISLY+||DART,NASA,United States,JHU APL,624,HCO|
2021-12-02T23:12:15|Starlink 4-3 (v1.5) & BlackSky 12-13|40|B1060 ASOG+||*48;BlackSky 12-13,BlackSky,United States,LeoStella,112,LEO|
2021-12-09T06:00:00|IXPE|39A|B1061 JRTI+||IXPE,NASA,United States,Ball Aerospace,325,LEO|
2021-12-18T12:41:40|Starlink 4-4 (v1.5)|4E|B1051 OCISLY+||*52|
2021-12-19T03:58:39|Türksat 5B|40|B1067 ASOG+||Türksat 5B,Türksat,Turkey,Airbus Defence and Space,4500,GTO|
2021-12-21T10:07:08|CRS-24|39A|B1069 JRTI+|C209|CRS-24,NASA (CRS),United States,SpaceX,2989,ISS|
2022-01-06T21:49:10|Starlink 4-5 (v1.5)|39A|B1062 ASOG+||*49|
2022-01-13T15:25:38|Transporter-3|40|B1058 LZ-1+||Transporter-3,Various,United States,Various,5000,SSO|
2022-01-19T02:02:40|Starlink 4-6 (v1.5)|39A|B1060 ASOG+||*49|
2022-01-31T23:11:14|CSG-2|40|B1052 LZ-1+||CSG-2,Italian Space Agency,Italy,Thales Alenia Space,2205,SSO|
2022-02-02T20:27:26|NROL-87|4E|B1071 LZ-4+||NROL-87,NRO,United States,NRO,,SSO|
2022-02-03T18:13:20|Starlink 4-7 (v1.5)|39A|B1061 ASOG+||*49|
2022-02-21T14:44:20|Starlink 4-8 (v1.5)|40|B1058 ASOG+||*46|
2022-02-25T17:12:10|Starlink 4-11 (v1.5)|4E|B1063 OCISLY+||*50|
2022-03-03T14:25:00|Starlink 4-9 (v1.5)|39A|B1060 JRTI+||*47|
2022-03-09T13:45:10|Starlink 4-10 (v1.5)|40|B1052 ASOG+||*48|
2022-03-19T04:42:30|Starlink 4-12 (v1.5)|40|B1051 JRTI+||*53|
2022-04-01T16:24:17|Transporter-4|40|B1061 JRTI+||Transporter-4,Various,Germany,Various,3000,SSO|
2022-04-08T15:17:12|Ax-1|39A|B1062 ASOG+|C206|Ax-1,Axiom Space,United States,SpaceX,13000,ISS|crew=Michael López-Alegría:Commander+Larry Connor:Pilot+Mark Pathy:Mission Specialist 1+Eytan Stibbe:Mission Specialist 2
2022-04-17T13:13:12|NROL-85|4E|B1071 LZ-4+||NROL-85,NRO,United States,NRO,,LEO|
2022-04-21T17:51:40|Starlink 4-14 (v1.5)|40|B1060 JRTI+||*53|
2022-04-27T07:52:55|Crew-4|39A|B1067 ASOG+|C212|Crew-4,NASA (CCtCap),United States,SpaceX,13000,ISS|crew=Kjell Lindgren:Commander+Robert Hines:Pilot+Samantha Cristoforetti:Mission Specialist 1+Jessica Watkins:Mission Specialist 2
2022-04-29T21:27:10|Starlink 4-16 (v1.5)|40|B1062 JRTI+||*53|
2022-05-06T09:42:00|Starlink 4-17 (v1.5)|39A|B1058 ASOG+||*53|
2022-05-13T22:07:50|Starlink 4-13 (v1.5)|4E|B1063 OCISLY+||*53|
2022-05-14T20:40:50|Starlink 4-15 (v1.5)|40|B1073 JRTI+||*53|
2022-05-18T10:59:40|Starlink 4-18 (v1.5)|39A|B1052 ASOG+||*53|
2022-05-25T18:35:00|Transporter-5|40|B1061 LZ-1+||Transporter-5,Various,United States,Various,3000,SSO|
2022-06-08T21:04:00|Nilesat-301|40|B1062 JRTI+||Nilesat-301,Nilesat,Egypt,Thales Alenia Space,4100,GTO|
2022-06-17T16:09:20|Starlink 4-19 (v1.5)|39A|B1060 ASOG+||*53|
2022-06-18T14:19:00|SARah-1|4E|B1071 LZ-4+||SARah-1,Bundeswehr,Germany,Airbus Defence and Space,4000,SSO|
2022-06-19T04:27:36|Globalstar FM15|40|B1061 JRTI+||Globalstar FM15,Globalstar,United States,Thales Alenia Space,700,LEO|
2022-06-29T21:04:00|SES-22|40|B1073 ASOG+||SES-22,SES,Luxembourg,Thales Alenia Space,3500,GTO|
2022-07-07T13:11:10|Starlink 4-21 (v1.5)|40|B1058 JRTI+||*53|
2022-07-11T01:39:40|Starlink 3-1 (v1.5)|4E|B1063 OCISLY+||*46|
2022-07-15T00:44:22|CRS-25|39A|B1067 ASOG+|C208|CRS-25,NASA (CRS),United States,SpaceX,2630,ISS|
2022-07-17T14:20:00|Starlink 4-22 (v1.5)|40|B1051 JRTI+||*53|
2022-07-22T17:39:40|Starlink 3-2 (v1.5)|4E|B1071 OCISLY+||*46|
2022-07-24T13:38:20|Starlink 4-25 (v1.5)|39A|B1062 ASOG+||*53|
2022-08-04T23:08:48|KPLO|40|B1052 JRTI+||KPLO,KARI,South Korea,KARI,678,BLT|
2022-08-10T02:14:40|Starlink 4-26 (v1.5)|39A|B1073 ASOG+||*52|
2022-08-12T21:40:20|Starlink 3-3 (v1.5)|4E|B1061 OCISLY+||*46|
2022-08-19T19:21:20|Starlink 4-27 (v1.5)|40|B1062 ASOG+||*53|
2022-08-28T03:41:20|Starlink 4-23 (v1.5)|40|B1069 ASOG+||*54|
2022-08-31T05:40:10|Starlink 3-4 (v1.5)|4E|B1063 OCISLY+||*46|
2022-09-05T02:09:40|Starlink 4-20 (v1.5) & Sherpa LTC-2/Varuna-TDM|40|B1052 JRTI+||*51;Varuna-TDM,Boeing,United States,Boeing,150,LEO|
2022-09-11T01:20:00|Starlink 4-2 (v1.5) & BlueWalker 3|39A|B1058 JRTI+||*34;BlueWalker 3,AST SpaceMobile,United States,AST SpaceMobile,1500,LEO|
2022-09-19T00:18:40|Starlink 4-34 (v1.5)|40|B1067 ASOG+||*54|
2022-09-24T23:32:10|Starlink 4-35 (v1.5)|40|B1073 ASOG+||*52|
2022-10-05T16:00:57|Crew-5|39A|B1077 JRTI+|C210|Crew-5,NASA (CCtCap),United States,SpaceX,13000,ISS|crew=Nicole Aunapu Mann:Commander+Josh A. Cassada:Pilot+Koichi Wakata:Mission Specialist 1+Anna Kikina:Mission Specialist 2
"""

# Name, date, its precision, pad, rocket, payloads as above.
UPCOMING = """
Starlink 4-29 (v1.5)|2022-10-05T23:10:00|hour|4E|F9|
Galaxy 33 (15R) & 34 (12R)|2022-10-08T23:05:00|hour|40|F9|Galaxy 33 & 34,Intelsat,United States,Northrop Grumman,7300,GTO
Hotbird 13F|2022-10-15T05:22:00|hour|40|F9|Hotbird 13F,Eutelsat,France,Airbus Defence and Space,4500,GTO
Starlink 4-36 (v1.5)|2022-10-20T14:50:00|hour|40|F9|
Starlink 4-31 (v1.5)|2022-10-28T01:14:00|day|4E|F9|
USSF-44|2022-11-01T13:41:00|day|39A|FH|USSF-44,USSF,United States,USSF,,GEO
Hotbird 13G|2022-11-03T05:22:00|day|40|F9|Hotbird 13G,Eutelsat,France,Airbus Defence and Space,4500,GTO
Galaxy 31 (23R) & 32 (17R)|2022-11-12T16:06:00|day|40|F9|Galaxy 31 & 32,Intelsat,United States,Maxar,6600,GTO
CRS-26|2022-11-22T20:54:00|day|39A|F9|CRS-26,NASA (CRS),United States,SpaceX,,ISS
ispace Mission 1 & Lunar Flashlight|2022-11-30T08:39:00|day|40|F9|Hakuto-R M1,ispace,Japan,ispace,1000,BLT
OneWeb 1|2022-12-06T00:00:00|month|39A|F9|OneWeb 15,OneWeb,United Kingdom,Airbus Defence and Space,6000,PO
SWOT|2022-12-12T00:00:00|month|4E|F9|SWOT,NASA & CNES,United States,JPL,2000,LEO
O3b mPower 1 & 2|2022-12-16T00:00:00|month|40|F9|O3b mPower 1 & 2,SES,Luxembourg,Boeing,4200,MEO
Transporter-6|2022-12-20T00:00:00|month|40|F9|Transporter-6,Various,United States,Various,,SSO
WorldView Legion 1 & 2|2023-01-01T00:00:00|quarter|40|F9|WorldView Legion 1 & 2,Maxar,United States,Maxar,1500,SSO
ViaSat-3 Americas & Arcturus|2023-01-01T00:00:00|quarter|39A|FH|ViaSat-3 Americas,ViaSat,United States,Boeing,6400,GEO
Crew-6|2023-02-01T00:00:00|month|39A|F9|Crew-6,NASA (CCtCap),United States,SpaceX,,ISS
Ax-2|2023-05-01T00:00:00|quarter|39A|F9|Ax-2,Axiom Space,United States,SpaceX,,ISS
Psyche|2023-10-01T00:00:00|half|39A|FH|Psyche,NASA,United States,Maxar,2608,HCO
TTL-1|2023-12-01T00:00:00|half|40|F9|TTL-1,SDA,United States,York Space Systems,,LEO
"""
