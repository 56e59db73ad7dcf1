"""Words of official signs that differ between countries of one language, and units that some countries use.

Rates are relative to the places where the sign is the usual one for its meaning (1.0); the last figure of a row is how
often the same words are read anywhere for another reason, on the same scale. They are judgements from what the manuals
prescribe, rounded to a factor of two or three, not counts.

Sources, by the letter in each row's comment: M, Manual on Uniform Traffic Control Devices (US 2009, 2023) and its
Canadian sister MUTCDC; T, Traffic Signs Regulations and General Directions 2016 (GB) and the Irish Traffic Signs
Manual; A, AS 1742 (Australia) and the New Zealand Traffic Control Devices Manual; I, IRC:67-2022 (India) and the
Pakistani and Bangladeshi codes; L, LTA's Code of Practice (Singapore), Arahan Teknik (Jalan) 2A (Malaysia) and Hong
Kong's Road Users' Code; S, the SADC road traffic signs manual; N, NOM-034-SCT2 (Mexico) and SIECA's Central American
manual; B, CONTRAN's manual (Brazil) and the manuals of Argentina, Chile, Colombia and Peru; V, the codes of Europe
(StVO, StVO-AT, SSV, IISR, RVV, Codice della strada, Reglamento General de Circulacion); J, the road sign orders of
Japan, Korea, China (GB 5768), Taiwan, Thailand, Vietnam (QCVN 41) and Indonesia; U, units by law (Weights and Measures
Acts; NIST HB 44).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from data.folding import fold, joined

__all__ = ["PHRASES", "UNITS", "phrase_keys"]

# (words, rates, rate of other reasons). A leading "=" asks that the words fill their lines; "!" makes a clue even of
# what says next to nothing, so that no other reader takes the word for English.
PHRASES: tuple[tuple[str, str, float], ...] = (
    # Speed, way and stopping (M T A I L S)
    ("speed limit", "us 1 PH LR .3 anz .1 IN .15 asia africa carib .1 CA .04 GB IE ZA .05", 0.02),
    ("=maximum", "CA 1 ZA .05", 0.15),
    ("speed humps", "us .7 anz 1 ZA 1 CA .5 JM .3", 0.02),
    ("speed bump", "us 1 CA .5 carib .3 PH .2", 0.03),
    ("speed breaker", "india 1", 0.01),
    ("speed breaker ahead", "india 1", 0.01),
    ("speed ramps", "IE 1 GB .3", 0.01),
    ("traffic calming", "GB 1 IE 1 CA .3 ZA .2 anz .2", 0.02),
    ("=yield", "us 1 IE 1 CA .4 PH .5 JP .01", 0.03),
    ("give way", "gb 1 anz 1 asia 1 india .7 africa 1 carib .5 FJ PG 1 IE ZA .1", 0.03),
    ("give way to", "gb .3 anz 1 SG 1 HK MY .5 india .5 africa .5", 0.03),
    ("give way to buses", "SG 1 AU 1", 0.01),
    ("one way", "us 1 CA .5 AU 1 NZ .7 gb .4 IE .4 IN .6 SG .3 MY .1 PH .8 carib .6 africa .4 ZA .2", 0.08),
    ("do not enter", "us 1 CA .5 PH .6 MX .01 JP KR .03 IL .02", 0.03),
    ("no entry", "gb 1 anz 1 IE .7 india 1 asia 1 africa 1 ZA .7 carib 1 gulf .5 PH .6 MT 1 CY .5 us .07 CA .1", 0.06),
    ("wrong way", "us 1 anz 1 CA .5 PH .3", 0.06),
    ("wrong way go back", "anz 1", 0.01),
    ("dead end", "us 1 CA .3 PH 1 IN .3 africa .3", 0.06),
    ("no outlet", "us 1 CA .2 PR 1", 0.02),
    ("no exit", "us .4 CA 1 NZ 1 IN .5 SG .3 PH .2", 0.05),
    ("no through road", "gb 1 anz 1 IE .5 SG .7 HK 1 africa .5 ZA .3 CA .2", 0.01),
    ("no thru traffic", "us 1 CA .2", 0.01),
    ("road work ahead", "us 1 CA .3 PH .5", 0.01),
    ("roadwork ahead", "AU 1 us .1 CA .2", 0.01),
    ("road works ahead", "gb .5 IE .7 NZ .5 africa .5 MT .5", 0.01),
    ("men at work", "india 1 carib .7 africa .7 gb .2 us .15 CA .1 PH 1", 0.05),
    ("=detour", "us 1 CA 1 anz .8 IE .2 ZA .5 PH .7 JP KR .02", 0.06),
    ("=diversion", "gb 1 IE 1 india 1 SG .5 africa 1 gulf .7 us .01", 0.05),
    ("diverted traffic", "gb 1 IE 1", 0.01),
    ("take diversion", "india 1", 0.01),
    ("go slow", "india 1 africa .5 gulf .5 SG .5 carib .3", 0.03),
    ("horn please", "IN 1 BD .2 PK .2", 0.01),
    ("keep left", "gb 1 anz 1 IE 1 india 1 asia 1 ZA 1 africa 1 us .1", 0.05),
    ("keep clear", "gb 1 anz 1 IE 1 SG .7 HK .7 india .3 us .25 CA .1", 0.05),
    ("signal ahead", "us 1 CA .1 india .2 PH .2", 0.01),
    ("ped xing", "us 1 CA .05 PH .2", 0.01),
    ("xing", "us 1 CA .2 PH .1", 0.04),
    ("bridge ices before road", "us 1", 0.005),
    ("look right", "gb 1 HK 1 IE .3 anz .1 ZA .1", 0.03),
    ("look left", "gb 1 HK 1 IE .3 anz .1 ZA .1", 0.03),
    ("cyclists dismount", "gb 1 anz 1 IE 1 HK .5 SG .2", 0.01),
    ("freeway entrance", "us 1", 0.01),
    ("exit only", "us 1 CA .7 PH .3", 0.05),
    ("toll plaza", "us .5 india 1 MY 1 PH 1 IE .3 ZA 1 africa .3", 0.03),
    ("level crossing", "gb 1 anz .3 IE 1 india 1", 0.02),
    ("railroad crossing", "us 1 PH .3", 0.01),
    ("dual carriageway", "gb 1 IE 1", 0.01),
    ("humps for", "gb 1", 0.005),
    ("reduce speed now", "gb 1 IE .3 us .1", 0.005),
    # Parking (M T A I L)
    ("no parking", "us 1 CA 1 anz .8 gb .6 IE .7 india 1 asia .8 PH 1 ZA .6 africa 1 carib 1 gulf .7 TH .3 JP KR .05 "
     "ID .1 VN .03 GR CY MT .2", 0.1),
    ("no parking any time", "us 1 CA .3 PH .2", 0.01),
    ("no parking anytime", "us 1 CA .3 PH .2", 0.01),
    ("tow away zone", "us 1 CA .3 PH .7 AU .2", 0.02),
    ("tow away", "us 1 CA .3 AU .6 PH .7 NZ .5 KR .03", 0.03),
    ("towed at owners expense", "us 1 CA .7 anz .2", 0.01),
    ("unauthorized vehicles will be towed", "us 1 CA .2", 0.005),
    ("no standing", "us .7 AU .3 IN .1 ZA .02", 0.02),
    ("no stopping", "us .6 AU 1 CA .7 NZ .7 gb .15 IN .5 HK .4 MY .3 PH .3 ZA .3", 0.04),
    ("no stopping any time", "us 1 CA .2", 0.01),
    ("no waiting", "gb 1 IE .5 SG .6 HK .2 MY .5 JM 1 africa .5 PH .2 us .02", 0.04),
    ("no loading", "gb 1 IE .2 PH .3 us .05", 0.02),
    ("no loading and unloading", "PH 1 IN .1", 0.005),
    ("street cleaning", "us 1 CA .15", 0.01),
    ("street sweeping", "us 1 CA .1", 0.01),
    ("permit parking only", "us 1 CA .3", 0.01),
    ("permit holders only", "gb 1 IE .2 AU .3", 0.01),
    ("permit holders", "gb 1 IE .2 AU .5", 0.01),
    ("permit holders excepted", "AU 1", 0.005),
    ("pay and display", "gb 1 IE 1 NZ 1 CA .2 AU .15 HK .3 us .05 ZA .1", 0.02),
    ("pay display", "gb 1 IE 1 NZ 1 CA .2 AU .15 HK .3 us .05 ZA .1", 0.02),
    ("valet parking", "us 1 CA .5 gulf 1 MX .3 IN .7 TR .1 PH .7 LB 1", 0.05),
    ("badge holders only", "gb 1 IE .1", 0.005),
    ("disabled parking only", "us .2 AU .5 NZ .5 IE .7 gb .5 CA .3", 0.02),
    ("handicapped parking", "us 1 CA .3 IL .1", 0.01),
    ("loading zone", "us 1 AU 1 NZ 1 CA 1 ZA .5 IE .2 PH .5", 0.04),
    ("loading bay", "gb 1 IE 1 SG 1 HK .7 IN .3 africa .7 gulf .5 MT .5", 0.03),
    ("car park", "gb 1 IE 1 anz 1 asia 1 india .4 africa .7 gulf .3 us .015 CA .02", 0.05),
    ("taxi rank", "gb 1 IE 1 AU 1 ZA 1 africa .4 us .01", 0.02),
    ("taxi stand", "SG 1 us .5 NZ 1 IN .7 HK .5 PH .5 carib .5 gulf .2", 0.04),
    ("wheel clamping in operation", "gb .5 IE 1 NG .3", 0.01),
    ("clamping", "IE 1 gb .3 africa .3", 0.04),
    ("fire lane", "us 1 CA .3 PH .3 KR .02", 0.01),
    ("fire hydrant", "us .3 gb .5 CA .3 SG .5", 0.2),
    # Property and public places (T M)
    ("cctv in operation", "gb 1 IE 1 anz .3 ZA .3 asia .5 india .4 africa .5 MT .5", 0.02),
    ("under cctv surveillance", "india 1 africa .5 gulf .5 PH .7 asia .3", 0.02),
    ("neighborhood watch", "us 1 PH .1", 0.01),
    ("neighbourhood watch", "gb 1 CA 1 anz .8 SG .5 ZA .6 IE .1 IN .03", 0.01),
    ("no trespassing", "us 1 CA .6 PH .8 carib 1 IN .4 africa .4 anz .07 GB IE .03", 0.04),
    ("trespassers will be prosecuted", "gb 1 IE 1 anz 1 ZA .8 india 1 africa 1 carib .5 CA .3 us .1 MY .5", 0.02),
    ("no soliciting", "us 1 CA .6", 0.01),
    ("no tipping", "gb 1 IE .5", 0.02),
    ("no dumping", "us 1 AU .5 ZA .7 PH .5 carib 1 JM 1 africa .5 IE 1 GB .15", 0.03),
    ("no loitering", "us 1 CA .5 PH .3 carib 1 SG .1", 0.02),
    ("to let", "gb 1 IE 1 india 1 africa 1 ZA 1 MY .5 HK .3 anz .03 us .005", 0.06),
    ("for lease", "us 1 anz 1 CA 1 PH .5 SG .2 GB .02", 0.06),
    ("for rent", "us 1 CA .7 PH 1 TH 1 SG .6 carib .7 VN KH JP KR .2 MX .05 IN .3 GB .05 gulf .5 IL .1", 0.12),
    ("way out", "gb 1 IE .5 SG .7 HK .5 india .5 AU .4 NZ .2 us .02", 0.06),
    ("restrooms", "us 1 PH .7 CA .07 MX .02 KR JP CN TW TH .1 IL .1", 0.05),
    ("washrooms", "CA 1 india .4 PH .2 us .05", 0.03),
    ("comfort room", "PH 1", 0.005),
    ("toilets", "gb 1 IE 1 anz 1 asia .5 india .5 africa 1 ZA .5 FR BE .05 us .02 CA .02", 0.08),
    ("fire assembly point", "gb 1 IE .7 SG .7 MY .7 india .5 africa 1 gulf 1 ZA .2 HK .2", 0.02),
    ("assembly point", "gb 1 IE 1 asia 1 india 1 africa 1 gulf 1 ZA 1 TH ID .3 anz .3 us .1 CA .1", 0.08),
    ("dogs must be kept on", "gb 1 IE .7 anz .3 CA .3 us .1", 0.02),
    ("curb your dog", "us 1 CA .05", 0.01),
    # Stop signs that do not say STOP (N B J; Convention on Road Signs, article 10)
    ("!=stop", "* 1 south north PR DO .05 CU .7 TR .02 JP CN TW TH IR .15 KR .3 arab .5 CA .8", 0.1),
    ("=pare", "south 1 PR DO 1 CU .05 PT .03 us .02", 0.1),
    ("=alto", "north 1 us .02 DO .02", 0.15),
    ("=arrêt", "CA 1 FR BE CH .1", 0.1),
    ("arrêt stop", "CA 1", 0.02),
    ("=dur", "TR 1 CY .2 AZ .02", 0.1),
    ("=berhenti", "MY 1 BN 1 ID .05", 0.02),
    ("止まれ", "JP 1", 0.005), ("とまれ", "JP 1", 0.01), ("徐行", "JP 1 CN TW .05", 0.02),
    ("قف", "arab 1", 0.02), ("توقف", "arab .3 IR .3", 0.05), ("ایست", "IR 1 AF .3", 0.02),
    ("עצור", "IL 1", 0.02), ("หยุด", "TH 1", 0.02), ("정지", "KR 1", 0.02), ("ቁም", "ET 1", 0.01), ("ឈប់", "KH 1", 0.01),
    ("ຢຸດ", "LA 1", 0.01), ("dừng lại", "VN 1", 0.01),
    ("一方通行", "JP 1", 0.005), ("駐車禁止", "JP 1", 0.005), ("通行止", "JP 1", 0.005), ("立入禁止", "JP 1", 0.005),
    ("歩行者", "JP 1", 0.005), ("일방통행", "KR 1", 0.005), ("주차금지", "KR 1", 0.005), ("천천히", "KR 1", 0.01),
    ("禁止停車", "TW 1 HK .2", 0.01), ("禁止停车", "CN 1 SG .05", 0.01), ("減速慢行", "TW 1 HK .3", 0.01),
    ("减速慢行", "CN 1", 0.005), ("不准停車", "HK 1 MO .5 TW .1", 0.005), ("不准泊車", "HK 1 MO 1", 0.003),
    ("望右", "HK 1 MO .3", 0.01), ("望左", "HK 1 MO .3", 0.01), ("禁止吸煙", "TW .5 HK 1 MO 1", 0.02),
    ("出租", "CN 1 TW 1 HK .3 SG .1", 0.1), ("租售", "TW .5 CN .5 HK 1", 0.03),
    ("ห้ามจอด", "TH 1", 0.005), ("cấm đỗ xe", "VN 1", 0.005),
    # Spanish and Portuguese (N B V)
    ("ceda el paso", "ES 1 MX 1 north .7 spanish .8 DO PR CU 1", 0.02),
    ("dê a preferência", "BR 1", 0.005),
    ("vado permanente", "ES 1 AD .5", 0.003), ("prohibido aparcar", "ES 1", 0.005),
    ("no aparcar", "ES 1", 0.01), ("no estacionarse", "MX 1 north .3", 0.005),
    ("prohibido estacionar", "spanish 1 north .5 MX .7 ES .1 CU DO 1", 0.02),
    ("no estacionar", "spanish 1 north .7 MX .7 DO PR .7 ES .1", 0.03),
    ("no parquear", "CO 1 CR GT HN SV EC .5 CU PA DO 1", 0.005),
    ("no parquearse", "DO CO PA .5 CU 1", 0.005),
    ("se vende", "ES 1 north 1 spanish .8 CU DO 1 PR .5 us .01", 0.04),
    ("se alquila", "ES 1 AR UY PE CR PA DO BO VE 1 EC .3 PY .7 CU .5 us .01", 0.03),
    ("se renta", "MX 1 GT HN SV NI 1 CU 1 DO .3 us .02 CO .05", 0.02),
    ("se arrienda", "CL 1 CO 1 EC .7", 0.01),
    ("en arriendo", "CL 1 CO 1", 0.01),
    ("solo residentes", "ES 1 CL CO MX .2", 0.02),
    ("una vía", "CR 1 GT HN SV PA EC CO PE .5", 0.06),
    ("retorno", "MX 1 BR 1 north .5 CO PE EC .5 AR .1 PT .03", 0.08),
    ("casa en venta", "MX 1 spanish .5 ES .3", 0.02),
    ("vende-se", "BR 1 PT 1 AO MZ 1", 0.01), ("aluga-se", "BR 1 PT .3 AO MZ .2", 0.01),
    ("arrenda-se", "PT 1 AO MZ 1", 0.005),
    ("proibido estacionar", "BR 1 PT .5 AO MZ .5", 0.01), ("estacionamento proibido", "PT 1 BR .3", 0.005),
    ("não estacione", "BR 1 PT .1", 0.005), ("rua sem saída", "BR 1", 0.005),
    ("garagem", "BR 1 PT 1 AO MZ 1", 0.04), ("devagar", "BR 1 AO MZ .5 PT .2", 0.03), ("exceto", "BR 1 PT .7", 0.05),
    ("excepto", "ES 1 PT .5 MX .5 spanish .5", 0.05), ("cuota", "MX 1", 0.05),
    ("peatones", "ES 1 spanish .7 north .7", 0.03), ("ambos sentidos", "ES .5 CL 1 AR .5 MX .5", 0.02),
    # French (V; MTQ's manual for Quebec)
    ("cédez le passage", "FR 1 MC 1 CH BE .1 MA DZ TN .3", 0.01), ("vous n'avez pas la priorité", "FR 1", 0.003),
    ("toutes directions", "FR 1 BE .5 CH .5 LU .3 MC .5", 0.005), ("autres directions", "FR 1", 0.005),
    ("sauf riverains", "FR 1 BE .05 CH .05 MC .5 LU .3", 0.005), ("riverains autorisés", "CH 1", 0.003),
    ("excepté circulation locale", "BE 1", 0.003), ("excepté riverains", "LU 1 BE .2", 0.003),
    ("route barrée", "FR 1 CH .5 BE .3 CA .3 LU 1 MA DZ TN .5", 0.01), ("rue barrée", "FR 1 CA 1 BE .5", 0.005),
    ("sauf livraisons", "FR 1 BE CH .3", 0.005), ("sauf vélos", "FR 1 BE CH .2", 0.005),
    ("défense de stationner", "FR 1 BE .3 CH .2 CA .3 MA DZ TN SN CI 1", 0.01),
    ("stationnement interdit", "FR 1 BE .5 CH .5 CA .7 MA DZ TN SN CI 1 LU .5", 0.02),
    ("stationnement gênant", "FR 1 MC .5", 0.003), ("à louer", "FR 1 BE 1 CH 1 CA 1 LU MA DZ TN 1", 0.02),
    ("à vendre", "FR 1 BE 1 CH .7 CA 1 LU MA DZ TN SN CI 1", 0.02), ("parcours sportif", "FR 1 CH 1", 0.01),
    ("voie sans issue", "FR 1 CH .3 BE .3 MC 1", 0.005), ("chasse gardée", "FR 1", 0.005),
    ("école arrêt", "CA 1", 0.02),
    # German and Dutch (V)
    ("anlieger frei", "DE 1 AT .02", 0.003), ("anlieger", "DE 1", 0.01),
    ("zubringerdienst gestattet", "CH 1 LI 1", 0.003),
    ("zubringerdienst", "CH 1 LI .5 AT .1", 0.005), ("anrainer", "AT 1", 0.005), ("anrainerverkehr", "AT 1", 0.003),
    ("ausgenommen", "AT 1 CH .7 LI .5 DE .03 IT .05", 0.02), ("einbahnstraße", "DE 1", 0.005),
    ("=einbahn", "AT 1", 0.01),
    ("fußgängerzone", "DE 1 AT 1", 0.005), ("feuerwehrzufahrt", "DE 1 AT .3 CH .05", 0.003),
    ("ausfahrt freihalten", "DE 1 AT .3", 0.003), ("einfahrt freihalten", "DE 1 AT .3", 0.003),
    ("parkieren verboten", "CH 1", 0.003), ("parkverbot", "CH 1 DE .2 AT .3 LI .5", 0.01),
    ("betreten verboten", "DE 1 AT .7 CH .5", 0.01), ("umleitung", "DE 1 AT 1 CH 1", 0.01),
    ("zu vermieten", "DE 1 AT .5 CH 1 LI 1", 0.01), ("werktags", "DE 1 AT 1 CH .05", 0.02),
    ("verboden toegang", "NL 1 BE .4 SR .5", 0.005), ("art 461", "NL 1", 0.005), ("uitgezonderd", "NL .7 BE 1", 0.005),
    ("doorgaand verkeer", "NL 1 BE .7", 0.005), ("fietsers afstappen", "NL 1 BE .2", 0.003),
    ("plaatselijk verkeer", "BE 1 NL .05", 0.003), ("te huur", "NL 1 BE 1 SR .5", 0.02),
    ("te koop", "NL 1 BE 1 SR .7", 0.02),
    # Italian, and the rest of Europe (V)
    ("passo carrabile", "IT 1 SM 1", 0.003), ("senso unico", "IT 1 CH .1 SM 1", 0.01),
    ("zona traffico limitato", "IT 1", 0.003),
    ("affittasi", "IT 1 CH .1", 0.005), ("vendesi", "IT 1 CH .1 SM 1", 0.005),
    ("divieto di sosta", "IT 1 CH .1 SM 1", 0.005),
    ("rallentare", "IT 1 CH .05", 0.01), ("proprietà privata", "IT 1 CH .2", 0.01),
    ("nie dotyczy", "PL 1", 0.003), ("teren prywatny", "PL 1", 0.003), ("na sprzedaż", "PL 1", 0.005),
    ("do wynajęcia", "PL 1", 0.005),
    ("mimo", "CZ 1 SK .3", 0.1), ("dopravní obsluhy", "CZ 1", 0.003), ("zákaz vjezdu", "CZ 1", 0.003),
    ("zákaz vjazdu", "SK 1", 0.003),
    ("okrem", "SK 1", 0.03), ("na prodej", "CZ 1", 0.005), ("na predaj", "SK 1", 0.005), ("pronájem", "CZ 1", 0.005),
    ("na prenájom", "SK 1", 0.005), ("kivéve", "HU 1", 0.01), ("eladó", "HU 1 RO SK RS .05", 0.02),
    ("kiadó", "HU 1 RO SK RS .03", 0.03),
    ("behajtani tilos", "HU 1", 0.003), ("de vânzare", "RO 1 MD 1", 0.005), ("de închiriat", "RO 1 MD .7", 0.005),
    ("parcarea interzisă", "RO 1 MD 1", 0.003), ("girilmez", "TR 1 CY .1", 0.003),
    ("park yapılmaz", "TR 1 CY .1", 0.003),
    ("park etmeyiniz", "TR 1 CY .1", 0.003), ("satılık", "TR 1 CY .2", 0.005), ("kiralık", "TR 1 CY .2", 0.005),
    ("yavaş", "TR 1 CY .1", 0.02),
    ("privat vei", "NO 1", 0.003), ("gjelder", "NO 1 DK .1", 0.01), ("utkjøring", "NO 1", 0.005),
    ("til salgs", "NO 1", 0.005),
    ("til leie", "NO 1", 0.01), ("privat vej", "DK 1 FO .3", 0.003), ("til salg", "DK 1 GL 1", 0.005),
    ("udkørsel", "DK 1", 0.005),
    ("parkering forbudt", "DK 1 NO .7", 0.003), ("till salu", "SE 1 FI .05 AX 1", 0.005),
    ("enskild väg", "SE 1 FI .03", 0.003),
    ("gäller ej", "SE 1", 0.005), ("boende", "SE 1", 0.03), ("utfart", "SE 1", 0.02), ("yksityinen", "FI 1", 0.003),
    ("ei koske", "FI 1 EE .02", 0.005), ("huoltoajo sallittu", "FI 1", 0.003), ("myydään", "FI 1", 0.005),
    ("vuokrataan", "FI 1", 0.005),
    ("eratee", "EE 1", 0.01), ("müüa", "EE 1", 0.01), ("pārdod", "LV 1", 0.01), ("parduodama", "LT 1", 0.005),
    ("ΠΩΛΕΙΤΑΙ", "GR 1 CY 1", 0.005), ("ΕΝΟΙΚΙΑΖΕΤΑΙ", "GR 1 CY 1", 0.005), ("ΑΔΙΕΞΟΔΟ", "GR 1 CY 1", 0.005),
    ("na prodaju", "RS HR BA ME 1", 0.005), ("prodaje se", "RS HR BA ME 1", 0.005), ("naprodaj", "SI 1", 0.005),
    ("razen", "SI 1", 0.03),
    ("osim", "HR 1 RS BA ME 1", 0.03), ("shitet", "AL XK 1", 0.01), ("jepet me qira", "AL XK 1", 0.005),
    # Malay and Indonesian (L J)
    ("hati hati", "ID 1 MY .1", 0.02), ("dilarang parkir", "ID 1", 0.003),
    ("dilarang masuk", "ID 1 MY 1 BN 1 SG .3", 0.005),
    ("dilarang merokok", "ID 1 MY .7 BN .5 SG .2", 0.005), ("jalan sehala", "MY 1 BN 1", 0.003),
    ("beri laluan", "MY 1 BN .5", 0.003),
    ("kurangkan laju", "MY 1 BN .5", 0.003), ("awas", "MY 1 BN 1 ID .7", 0.04), ("dijual", "ID 1", 0.01),
    ("disewakan", "ID 1", 0.005),
    ("untuk disewa", "MY 1 BN .3", 0.003), ("untuk dijual", "MY 1", 0.005), ("bawal pumarada", "PH 1", 0.003),
    ("bawal", "PH 1 MY .03 ID .02", 0.05),
    ("bawal magtapon", "PH 1", 0.003),
)  # fmt: skip

_METRIC = "* 1 us .03 GB .03 GG JE IM .03"
# (name, pattern, rates, rate of other reasons); "*" stands for all countries, later rates replace earlier ones.
UNITS: tuple[tuple[str, str, str, float], ...] = (
    # U: only the United States, the United Kingdom and a few islands sign speeds in miles.
    ("miles per hour", r"(?<![\d.])\d{1,3} ?m\.?p\.?h\b|^\s*mph\s*$", "us 1 gb 1 carib .3 LR .5 IE CA .02", 0.06),
    ("kilometres per hour", r"(?<![\d.])\d{1,3}(?:\.\d)? ?(?:km ?/ ?h|kph|км ?/ ?ч)\b|^\s*km/h\s*$", _METRIC, 0.04),
    ("kilometres per hour, as kmph", r"(?<![\d.])\d{1,3} ?km\.?p\.?h\b|^\s*kmph\s*$",
     "india 1 LK .3 gulf .2 africa .2 MY .02 IE .01", 0.01),
    ("yards", r"(?<![\d.])\d{2,3} ?(?:yds?|yards)\b", "gb 1 us .04 IE .03", 0.05),
    ("miles", r"(?<![\d.])\d{1,3} ?(?:[½¼¾]|\d/[234])? ?(?:miles?|mi)\b|^\s*[½¼¾]? ?miles?\s*$",
     "us 1 gb 1 LR .5 carib .3 IE .08 CA .05", 0.12),
    ("kilometres", r"(?<![\d.,])\d{1,4}(?:[.,]\d)? ?(?:km|кm|км|公里|キロ)(?!\w|/)", _METRIC, 0.08),
    ("feet and inches", r"(?<![\d.])\d{1,2} ?['’′] ?-? ?\d{1,2} ?(?:[\"”″]|''|’’)", "us 1 gb .7 CA .3 IE .3 IN "
     ".1", 0.05),
    ("degrees Fahrenheit", r"(?<!\d)-?\d{1,3} ?[°º] ?F\b", "us 1 BS BZ KY PW FM MH LR .7", 0.02),
    ("degrees Celsius", r"(?<!\d)-?\d{1,2}(?:[.,]\d)? ?[°º] ?C\b", "* 1 us .05", 0.12),
    ("gallons", r"\b(?:per gal(?:lon)?|gallons?)\b|/ ?gal\b", "us 1 LR HT BZ BS KY .7 PR .1 GT HN SV PA DO EC PE CO "
     ".1 gb .05", 0.04),
    ("acres", r"(?<!\d)\d{1,4}(?:[.,]\d+)? ?acres?\b", "us 1 gb .4 CA .7 IE .7 AU .1 india .3 carib .7 JM 1", 0.03),
    ("square feet", r"\bsq\.? ?f(?:t|eet)\b|\bsqft\b", "us 1 CA 1 gb .7 india 1 HK 1 SG 1 MY 1 gulf .7", 0.04),
    ("pounds", r"[/$] ?lbs?\b|(?<!\d)\d{1,3} ?lbs\b|\bper lb\b", "us 1 CA .5 gb .07 carib .7 HK .1 GY JM .7", 0.06),
    # Opening hours: the clock of twelve hours, the clock of twenty-four, and the French and Portuguese h.
    ("hours with am and pm", r"(?<![\d.:])(?:1[0-2]|[1-9])(?:[:.][0-5]\d)? ?[ap]\.?m\.?\b",
     "us 1 CA .9 anz 1 gb .7 IE .7 india 1 asia .9 PH 1 africa .8 ZA .3 carib 1 gulf .7 EG JO .4 CO MX .5 north .5 "
      "PE EC "
     "VE DO .5 KR TW TH JP .05 GR CY .05 FJ PG 1", 0.03),
    ("hours from .. to .., of 24", r"(?<![\d.:])(?:[01]?\d|2[0-4])([:.])[0-5]\d ?[-–—] "
     r"?(?:1[3-9]|2[0-4])[:.][0-5]\d(?!\d)",
     "* 1 us .03 CA .15 anz .03 gb .15 IE .2 india .05 PH .05 SG .15 MY .1 carib .05 CO .2 MX .5 north .3 EG .1 gulf "
      ".1", 0.03),
    ("hours with h", r"(?<![\d.:,])(?:[01]?\d|2[0-4]) ?[hH](?:[0-5]\d)?(?![\w])",
     "FR 1 BE CH LU MC .5 CA .15 PT .5 BR 1 MA DZ TN SN CI CM ML BF MG RE GP MQ PF NC .7 ES .15 IT .05 AR CL UY .1 "
     "RO .03 DE AT .04 VN .3 AO MZ .7 PL NL .02", 0.04),
)  # fmt: skip


@lru_cache(maxsize=1)
def phrase_keys() -> tuple[Mapping[str, int], tuple[tuple[str, int], ...]]:
    """Folded phrases without spaces to their rows, and those of scripts without spaces apart, longest first."""
    spaced: dict[str, int] = {}
    unspaced: list[tuple[str, int]] = []
    for row, (words, _, _) in enumerate(PHRASES):
        key = joined(fold(words.lstrip("!=")))
        if any("\u0e00" <= c <= "\u0eff" or c >= "\u1780" for c in key):
            unspaced.append((key, row))
        spaced[key] = row
    return spaced, tuple(sorted(unspaced, key=lambda item: -len(item[0])))
