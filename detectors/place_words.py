"""Names of places that shops, dishes and brands bear: Tokyo is a restaurant and Hitachi an electric drill.

How often a photo with text shows such a name away from its place was counted on 1,280 photos (650 with text): names of
this list stood there about ten times, always on a shop, a hotel or an article, that is 1e-4 per photo and name on
average. The best known are commoner than the rest: ``SHOP_RATE`` for those, ``BRAND_RATE`` for others. The names are
those of the cuisines, wines, fashion houses, hotels, car makers and firms of which everyone has seen some. Cities whose
names stand at home more often are left out: Boston, Chicago and Las Vegas were right each time.
"""

from __future__ import annotations

__all__ = ["BRAND_RATE", "SHOP_RATE", "shop_rate"]

SHOP_RATE = 5e-4
"""How often a photo with text shows one of the best known names as the name of a shop."""
BRAND_RATE = 1e-4
"""The same for one of the others."""

_SHOPS = frozenset(
    str.split(
        """london paris new_york tokyo roma rome milano milan napoli venezia bangkok shanghai istanbul hong_kong havana
        firenze berlin wien vienna barcelona hollywood texas manhattan brooklyn orange subway boots next target mobile
        post liberty victoria"""
    )
)
_BRANDS = frozenset(
    str.split(
        """hitachi kawasaki toyota kobe osaka kyoto sapporo nagoya seoul taipei peking beijing canton hunan hanoi
        saigon phuket bali bombay agra jaipur madras kathmandu everest beirut kabul damascus ankara antalya bodrum
        marmara capri sorrento siena bologna parma palermo verona portofino como amalfi sicilia bordeaux cognac
        dijon champagne vichy evian vittel nice cannes saint_tropez monaco monte_carlo ibiza porto madeira solingen
        athens sparta delphi olympia troy corinth santorini mykonos corfu moscow odessa yalta kiev sydney waterloo
        windsor york cambridge oxford derby lancaster warwick stirling chelsea kensington mayfair dublin kells cork
        galway nevada montana dakota malibu santa_fe aspen princeton hudson lincoln plymouth chase fargo wells
        hilton marriott sheraton lacoste levis santander nokia philips delta phoenix columbia cancun acapulco oaxaca
        puebla tijuana jalisco veracruz cuba rio copacabana buenos_aires lima santiago casablanca marrakech tangier
        cairo alexandria jerusalem bethlehem nazareth zanzibar sahara reading bath sandwich vienna angora cashmere
        java mocha atlas oasis eden paradise arcadia avalon aurora"""
    )
)
# Capital letters that Cyrillic shares with Latin: engines without Cyrillic read its words as Latin ones.
_SHARED = frozenset("abcehkmoptxy")


def shop_rate(name: str) -> float:
    """How often a photo with text shows ``name`` (folded) as the name of a shop or a brand, 0 where it is none.

    Names made only of letters that look the same in Cyrillic have a rate too: they may be a Russian word.

    >>> shop_rate("tokyo") > shop_rate("hitachi") > shop_rate("caxapa") > shop_rate("albacete") == 0.0
    True
    """
    key = name.replace(" ", "_")
    if key in _SHOPS:
        return SHOP_RATE
    if key in _BRANDS:
        return BRAND_RATE
    return 3e-5 if len(name) >= 4 and _SHARED.issuperset(name) else 0.0
