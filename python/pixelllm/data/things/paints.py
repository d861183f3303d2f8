"""The fixed colours of parts that do not take the thing's own colour."""

DARK = (38, 38, 44)  # tyres, eyes, openings
IRON = (92, 96, 104)
STEEL = (176, 180, 188)
PALE = (246, 244, 238)  # the white of an eye
GLASS = (186, 220, 236)
LIGHT = (255, 240, 176)  # lit lamps
WOOD = (142, 98, 60)
DARK_WOOD = (96, 66, 44)
CLAY = (190, 112, 76)
CREAM = (240, 226, 196)
SKIN = (226, 190, 148)  # of snails
LEAF = (74, 128, 62)
BEAK = (240, 160, 48)
