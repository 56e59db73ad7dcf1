from pathlib import Path
CLASSES = ("accented", "lower", "upper", "digit", "mark", "other")
CONFIDENCE_EDGES = (0.6, 0.7, 0.8, 0.87, 0.92, 0.95, 0.97, 0.985, 0.995)
WRONG_EDGES = (0.0, 0.06, 0.12, 0.2, 0.35, 0.6)
QUANTILES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
SLIPS_PATH = Path(__file__).parent / "assets" / "slips.json"
def letter_class(x): ...
