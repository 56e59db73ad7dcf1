"""Words beside names of people, folded: titles, trades, particles, what joins a firm's names, what is named after whom.

Written for whence from common knowledge; no list was copied. The words of shops and streets in 62 languages stand in
``assets/language.sign_words.tsv``; here is what that list lacks.
"""

from __future__ import annotations

import re
from typing import Final

from data.folding import fold

__all__ = [
    "CHAINED_STREET", "DEGREES", "FLOORS", "GIVEN_TITLES", "HONOURED",
    "JOINING", "LEGAL_FORMS", "LEGAL_TAIL", "NOT_NAMES", "PARTICLES", "PATRONYMICS",
    "PLACE_NAMED", "PLACE_NAMED_AS_PERSON", "SAINTS", "SHORT_KINDS", "STRONG_TITLES",
    "SURNAME_ENDINGS", "THAI_KINDS", "TRADES", "TRADE_ENDINGS", "VIETNAMESE", "VIETNAMESE_SHORT", "WEAK_TITLES",
]  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(fold(word) for word in text.split())


def _endings(text: str) -> tuple[str, ...]:
    return tuple(fold(ending) for ending in text.split())


STRONG_TITLES: Final = _words(
    """dr drs med prof professor professeur professore professora univ phd dipl rechtsanwalt rechtsanwaltin ra notar
    notarin steuerberater steuerberaterin zahnarzt zahnarztin kinderarzt frauenarzt hausarzt facharzt tierarzt
    tierarztin hebamme psychotherapeut psychotherapeutin heilpraktiker heilpraktikerin advocaat advokat advokaat
    advocat avvocato avv dott dottssa dottore dottoressa geom geometra notaio rag arch ing mag mudr judr mvdr
    phdr rndr mgr inz adwokat radca notariusz lek doktor avukat noter dra lic licenciado licenciada abogado
    abogada notario odontologo odontologa psicologo psicologa medico medica advogado advogada dentiste avocate
    notaire maitre docteur herr hr frau familie fam famille familia famiglia rodina rodzina perhe familjen
    familien др адвокат нотариус врач доктор проф професор профессор лікар стоматолог семья господин госпожа δρ
    ιατροσ δικηγοροσ οδοντιατροσ דר עוד פרופ משפחת د دکتر دکتور الدکتور دکتوره الدکتوره المحامی محامی الاستاذ
    المهندس डॉ डा श्री श्रीमती कुमारी प्रो अधिवक्ता ডা ড অধ্যাপক মোঃ นาย นาง นางสาว นพ พญ ดร ทพ ทพญ"""
)
"""Who bears one is a person, a surname or a given name beside it suffices."""

WEAK_TITLES: Final = _words(
    """mr mrs ms miss mister mme mlle monsieur madame mevrouw meneer mevr dhr sr sra srta senor senora senorita sig
    sigra signor signora signore don dona donna doctor sir lady lord captain capt pan pani pana bay bayan bapak
    bpk ibu encik puan cik tuan haji hajjah sheikh shaikh ustaz kyai pastor pater padre rev reverend father frere
    soeur swami shri smt shree дон дона донна thiru dato datuk ong ba anh chi bac si dentist attorney lawyer arzt
    architect architekt architetto optiker friseurmeister tischlermeister malermeister baumeister elektromeister
    kaminfegermeister meister капитан отец السید السیده الشیخ חכם רב הרב"""
)
"""Shops are called so too (Mr. Pizza, Don Juan): a surname beside one makes it a person."""

GIVEN_TITLES: Final = _words(
    """don dona donna sir lady father padre pater bay bayan haji hajjah capt captain king queen"""
)
"""Those of them that stand before given names: Don Juan is a bar."""

DEGREES: Final = re.compile(
    r"(?<![^\W_])(?:M\.? ?D|D\.? ?D\.? ?S|D\.? ?M\.? ?D|D\.? ?V\.? ?M|Ph\.? ?D|LL\.? ?[MB]|M\.? ?B\.? ?A|Esq"
    r"|C\.? ?P\.? ?A"
    r"|M\.? ?Sc|B\.? ?Sc|CSc|DiS|R\.? ?N|M\.? ?B\.? ?B\.? ?S|MRCP|FRCS|O\.? ?D|D\.? ?C|Jr|Bakk|MAS)\.?(?![^\W_])"
)
"""What a person puts behind the name, as written."""

VIETNAMESE: Final = _words("nguyen tran pham huynh hoang phan dang bui duong ngo")
"""Surnames that come first, before names of which many are short words elsewhere."""

VIETNAMESE_SHORT: Final = _words("le vu vo ho do ly mai dinh truong luong")
"""The same, where the text has marks that only Vietnamese writes."""

PARTICLES: Final = _words(
    """von van vom zu zum zur der den de die di da do das dos del della dello dei degli du des la le lo el al bin ibn
    bint binti abu abd ter ten te tot op auf an af av mac mc san y e i und ze z bar ould ait ap fitz st nic s
    ni o"""
)
"""They stand inside a name."""

JOINING: Final = _words(
    """und and et e y i en og och ja a u oder co cie sohne sohn sons son fils figli hijos и та і ve va"""
)
"""With one of them, or an ampersand, surnames make a firm."""

SAINTS: Final = _words(
    """st saint sainte sankt santa santo san sao sant sveti sveta svaty svata swiety swieta swietego szent sfantu
    sfanta sf sv heilige heiliger heilig hl hlg ste santi sain svetog свети света святои святая св святого αγιοσ
    αγια αγ ayios agios agia aghios our nossa notre nuestra"""
)
"""The name behind one is a saint's."""

SHORT_KINDS: Final = _words("av avda ul bd pl jl")
"""Short kinds of streets that are no doctor, no initial and no particle."""

THAI_KINDS: Final = ("ถนน", "ถ.", "ซอย", "ซ.")
"""How Thai streets begin; the letter alone begins many names."""

CHAINED_STREET: Final = re.compile(
    r"(?:(?:(?:Dr|Prof|Dipl|Ing|Kard|Gen|St)\.? ?-? ?)+(?:[^\W\d_]+ ){0,2})?"
    r"[^\W\d_]+\.?(?: ?[-‐–] ?[^\W\d_]+\.?)* ?[-‐–] ?"
    r"(?:stra(?:ß|ss)e|str|gasse|platz|weg|allee|promenade|ring|steg|brücke|bruecke|ufer|damm|straat|laan|plein|kade)"
    r"(?![^\W\d_])\.?",
    re.IGNORECASE,
)
"""What hyphens join into the name of one street: Dr.-Karl-Renner-Platz."""

HONOURED: Final = _words(
    """lycee gymnasium volksschule grundschule hauptschule realschule mittelschule gesamtschule oberschule
    berufsschule museum musee museo muzeum muzej музеи stadion stadium stade estadio stadio стадион aeroport
    airport aeropuerto aeroporto flughafen lotnisko аэропорт metro метро monument denkmal memorial monumento
    pomnik памятник universitat university universite universidad universidade universita университет liceo liceu
    лицеи гимназия gimnazija gimnazjum theater theatre teatro teatr театр bibliotheek bibliotheque mediatheque
    biblioteca библиотека"""
)
"""What is named after the dead as streets are: a name beside it is nobody's who could be looked for."""

LEGAL_FORMS: Final = _words(
    """gmbh ag kg ohg og ug eu ek mbh cokg keg se ltd limited llc llp inc corp plc pty sarl sas sa sasu eurl srl spa
    snc sl slu ltda eireli me epp cia oy oyj ab as asa aps bv nv vof cv sro doo ead ood eood zrt kft bt nyrt ooo
    oao zao ип ооо оао зао пао тов фоп тоо sp zoo gbr sia uab ou tbk pt bhd sdn pvt jsc tnhh sti ltdsti שותפים
    inh inhaber inhaberin prop proprietor tit"""
)

LEGAL_TAIL: Final = re.compile(
    r"[\s,]+(?:S\. ?A\.?(?: ?de ?C\. ?V\.?| ?R\. ?L\.?| ?S\.?)?|S\. ?L\.?(?: ?U\.?)?|S\. ?R\. ?L\.?|S\. ?p\. ?A\.?"
    r"|S\. ?N\. ?C\.?|A\. ?[ŞSGE]\.?|B\. ?V\.?|N\. ?V\.?|d\. ?o\. ?o\.?|[sS]\. ?r\. ?o\.?|e\. ?[UVK]\.?|Z ?o\. ?o\.?"
    r"|K\. ?[KGdD]\.?|R\. ?T\.)$"
)
"""A firm's form in dotted letters, which are no initials there."""

FLOORS: Final = _words(
    """top stiege tur tuer apt appt apto apartamento suite ste floor unit flat room etage stock og eg dg piso planta
    bajo local interior int escalera esc pta puerta bloc block blok
    bloque andar sala loja scala cat kat daire kv lok lokal
    кв оф офис этаж эт корп стр подъезд"""
)
"""What stands before the number of a floor or a door."""

TRADES: Final = _words(
    """the of and for hotel hotels hostel motel inn suites resort palace palais palast palazzo spa wellness
    apartments apartment apartamentos pousada pension pensione gasthof gasthaus gaststatte wirtshaus weinhaus
    cafe cafes caffe coffee kaffee kafe tea bistro brasserie restaurant restaurants ristorante restaurante
    trattoria osteria pizzeria pizza pizzas grill grillhaus steakhouse imbiss snack snacks bar bars pub pubs
    lounge club disco casino tapas kebab kebap doner sushi burger burgers taco tacos chicken fish chips food
    foods kitchen cuisine gelateria gelato ice cream eis eiscafe bakery bakeries patisserie boulangerie boulanger
    confiserie konditorei backerei backstube brot metzgerei fleischerei boucherie charcuterie epicerie fromagerie
    poissonnerie panaderia panificadora padaria pasteleria confeitaria carniceria acougue fruteria mercearia
    supermarket supermarkets supermercado supermercados supermarche minimarket minimarkt market markets markt
    mart shop shops store stores boutique boutiques outlet center centers centre centres centro centrum zentrum
    mall plaza depot house home casa haus huis maison ville city town village world worlds factory fabrik studio
    studios atelier salon salons saloon beauty hair nails nail cosmetic cosmetics kosmetik estetica estetique
    coiffure coiffeur coiffeuse friseur friseure frisor haarstudio haar barber barbers barbershop barbearia
    cabeleireiro cabeleireiros peluqueria parrucchiere parfumerie perfumeria perfumes mode moda moden modas
    fashion couture textil textiles boutik jeans shoes shoe schuhe schuh chaussures calzature calzados calcados
    sport sports fitness gym yoga optik optic optics optical opticien opticiens optique optica ottica hearing
    horgerate akustik apotheke apotheken pharmacie pharmacy pharmacies farmacia farmacias farmacie drogerie
    drogaria drugstore clinic clinica klinik kliniken clinique hospital hopital spital medical medico medicine
    health healthcare dental dentaire dentists odontologia physio physiotherapie fisioterapia massage therapy
    praxis ordination cabinet kanzlei rechtsanwalte anwalte anwaltskanzlei notariat steuerberatung steuerkanzlei
    consulting consultants consultoria partners partner associates associati advogados abogados avocats avvocati
    law legal insurance versicherung versicherungen assurances assurance seguros seguro assicurazioni bank banks
    banco banque banca sparkasse volksbank raiffeisenbank finance financial credit capital trust exchange real
    estate realty immobilien immobilier immo inmobiliaria imobiliaria imoveis makler agency agence agentur
    agencia reisen reiseburo voyages viajes viagens travel tours touristik auto autos automobile automobiles
    automoveis autohaus autowerkstatt kfz car cars motors motor motorrad moto motos garage garages oficina
    mecanica pneus pneu reifen reifenhandel tyre tyres tire tires tankstelle gas fuel petrol station service
    services servicio servicios servico servicos repair repairs reparatur werkstatt technik techniek technology
    technologies tech elektro elektrotechnik electronics eletro eletronica electric electrical elektronik
    computer computers informatica informatique it telecom phone phones mobile handy media print printing
    druckerei imprimerie grafica copy papeterie papelaria papeleria buch bucher buchhandlung books bookshop
    bookstore librairie libreria livraria blumen fleurs florist fleuriste flower flowers flores floricultura
    garten gartenbau gartencenter garden gardens jardin baumschule mobel mobelhaus meubles moveis muebles mobilia
    kuchen kuche cucine bau baumarkt bauunternehmen construction constructions construtora builders tischlerei
    schreinerei zimmerei spenglerei dachdeckerei malerei maler glaserei schlosserei installateur installationen
    heizung sanitar haustechnik plumbing plumbers heating metallbau stahlbau holz holzbau kamine ofen fenster
    turen boden teppiche juwelier joalheria joyeria bijouterie bijoux jewelry jewellers jewellery schmuck uhren
    gold foto photo fotografie photographie photography kino cinema cinemas theater gallery galerie galeria
    galleria art arts kunst antiques antiquitaten museum musee museo music musik musikschule school schools
    schule ecole escola escolas colegio college academy academia akademie fahrschule tanzschule kindergarten kita
    kids kinder baby toys spielwaren brinquedos tabac tabak trafik kiosk lotto presse press post bio organic
    natural farm hof bauernhof weingut winery weine wein wine wines vinos vins vinothek enoteca heuriger heurigen
    buschenschank cave cantina brauerei brewery brauhaus brewing getranke bebidas drinks liquor spirits supply
    supplies rental rentals hire storage transport transporte transportes logistik logistics spedition taxi bus
    parking parkhaus parkplatz wash laundry wascherei reinigung cleaners cleaning lavanderia pressing nettoyage
    tintoreria bestattung bestattungen funerals funeral pompes funebres tier pet pets vet veterinaire veterinaria
    tierklinik group gruppe grupo gruppo groupe company companies co international internacional handel handels
    trading import export express super mega mini euro discount sale best new old big little golden royal grand
    grande gran gross blue red white black green happy good fresh lucky first great original united national
    american italian indian china chinese thai deutsche sons bros brothers bruder gebruder hermanos freres
    fratelli filhos hijos tienda tiendas loja lojas magasin magazin geschaft laden emporium bazar bazaar basar
    kings queens collection kirche church chapel kapelle eglise chapelle chiesa iglesia igreja temple pfarre
    pfarrkirche parish kloster abbey castle schloss chateau burg castello castillo tower turm bridge brucke lake
    see river berg hill hills mountain beach platz square park parks parc parque north south east west nord sud
    feuerwehr polizei police rathaus gemeinde gemeindeamt stadt district township county high ranch waffen
    multimedia anstalt metzg autohof apartaments refugi santuari santuario mama mamma papa tia tio nonna nonno
    oma opa baba abuela abuelo chez mamas papas uncle auntie tante магазин магазины кафе ресторан бар аптека
    салон красоты парикмахерская продукты супермаркет рынок банк гостиница отель студия центр клиника
    стоматология школа мастерская сервис авто ателье цветы мир дом книги обувь одежда мебель кондитерская пекарня
    хлеб столовая пиццерия суши ломбард нотариальная контора адвокатская улица площадь проспект مطعم مقهی صیدلیه
    صیدلیة مرکز مخبز فندق مکتبه مکتب عیاده مستشفی مدرسه شرکه موسسه متجر محل محلات سوق صالون بقاله חנות מסעדה קפה
    בית מכון מרכז סופר קניון משרד מספרה רחוב"""
)
"""What a shop, an office or a public house is; beside one, a surname alone is a shop's name."""

TRADE_ENDINGS: Final = _endings(
    """haus markt laden handel technik center centrum zentrum studio salon service shop store werkstatt werke werk
    stube stuberl stadl keller wirt wirtin garten hutte halle schule praxis klinik apotheke backerei metzgerei
    brauerei gasthof gasthaus restaurant cafe bar bau versicherung verein verband anstalt amt kasse bank gruppe
    wagen mobel reisen moden mode optik platz strasse gasse weg allee kirche kapelle museum hotel pension heim
    burg schloss turm bad boutique pizzeria eria erie waren shoppe mart land welt park express lager lounge"""
)
"""Ends of compounds that are one; a name that is in the table is none of them."""

SURNAME_ENDINGS: Final = _endings(
    """ovic evic ovich evich owicz ewicz czyk ovsky ovski owski owska ewski ewska enko chuk czuk shvili idze adze
    oglu sson sdottir poulos opoulou idis iadis akis oudis escu eanu aitis auskas lainen zadeh mayr maier meier
    meyer huber berger bauer hofer hauser mann енко чук ович евич вич вна дзе швили овић евић πουλος πουλου ιδης
    ιδου ακης ακη იძე ძე შვილი ია"""
)
"""Ends that hardly a word has but surnames, for those that the table lacks."""

NOT_NAMES: Final = _words(
    """the of and for north south east west power gas bus metro new council ab urbano general royal fresh mountain
    solar star tea life mart saint santa santo san sant bar casa grill house plaza post mall church street
    iglesia chiesa burger cash doktor eskola loja poczta polis oto parada ville vino вино camino le la el al de
    da red orange wash energy trust park parks home light river lake express land media zone sport forest car
    cars point line kinder cafe shop best good smart great more big super parts fit day sun field food sur das us
    my en on as at in st no pro plus maxs mini del du dos der den van von bin ibn und abu los las les il lo y e i
    o a grand gran grande doctor prince princess queen kings sir lady baby angel love vida vita bella bello
    bonita gold golden silver diamond major captain deutsche kunst art arts mode haus hof markt strand platz wein
    bier brot nord sud china india america africa asia europa europe london paris roma berlin york texas wien
    canada california france dakota florida hampshire jersey missouri ohio oregon mama mamma papa tia tio nonna
    nonno oma opa baba abuela abuelo chez uncle cami prat vall sol rua luna villa mare rue calle via avenida
    strasse weg hotel motel inn urban nova norte valley real poder salud sante eus club стоянка цветы мир дом"""
)
"""Words of Faker's lists that stand on signs far more often than in a name."""

PATRONYMICS: Final = ("ович", "евич", "овна", "евна", "ична", "овича", "евича", "овны", "евны", "ичны", "овне", "евне")
"""Ends of Russian fathers' names, as they are and of whom: nothing but a person has one."""

PLACE_NAMED_AS_PERSON: Final = 100_000
"""The same where it is a given name and a surname: Miguel Alves is a town in Brazil."""

PLACE_NAMED: Final = 10_000
"""Inhabitants of a town whose name is asked for though a person might be called so."""
