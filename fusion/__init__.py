"""Prior and clues to an answer: evidence over cells, the pool, the ledger, the map, the command line."""
