"""The Earth and the files: geodesy, S2 cells, partitions, distributions, images, gazetteer."""
