"""The detector: which regions of an image to caption."""
