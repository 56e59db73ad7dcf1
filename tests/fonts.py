"""Tests that draw signs need fonts, which some machines have none of."""

from __future__ import annotations

import pytest

from detectors.render_fonts import FONT_FOLDER

__all__ = ["NO_FONTS", "needs_fonts"]

NO_FONTS = "" if any(FONT_FOLDER.rglob("*.[ot]tf")) else f"no fonts in {FONT_FOLDER}"
"""Why nothing can be drawn here; empty where it can."""

needs_fonts = pytest.mark.skipif(bool(NO_FONTS), reason=NO_FONTS)
