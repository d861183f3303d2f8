"""Words of English by what they do in a caption: closed classes, and the open ones as they come.

The lists hold what captions of pictures say, and no more. A word stands here in lower case.
"""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS: Final = _words(
    """
    a an the this that these those some any each every no its his her their my your our
    """
)
QUANTITIES: Final = _words(
    """
    one two three four five six seven eight nine ten eleven twelve twenty dozen hundred many
    several few both all half most more multiple numerous various other another
    """
)
PREPOSITIONS: Final = _words(
    """
    of on in at by with without from for to into onto upon over under above below beneath
    underneath beside besides between behind among amongst amid near inside outside within
    around across along alongside against through throughout toward towards during before after
    past off up down out about like via per as than atop aboard opposite except next
    """
)
CONJUNCTIONS: Final = _words(
    """
    and or but nor while when where because so if though although whether until since
    """
)
AUXILIARIES: Final = _words(
    """
    is are was were be been being am has have had having do does did doing can could will would
    shall should may might must cannot isn't aren't wasn't weren't don't doesn't there's it's
    he's she's that's what's they're
    """
)
PRONOUNS: Final = _words(
    """
    i you he she it we they him them us me himself herself itself themselves who whom whose
    which what there here something someone somebody anything anyone nothing everyone
    everything mine hers theirs ours yours
    """
)
ADVERBS: Final = _words(
    """
    not also just then together away apart still only even almost again once ago now soon
    already ahead forward backward backwards sideways upside downward upward outdoors indoors
    nearby somewhere elsewhere back very quite rather really too
    """
)
# Alone, or only beside each other, they name a part of the picture and nothing in it.
POSITIONS: Final = _words(
    """
    left right middle center centre top bottom front side sides corner edge end upper lower far
    left-hand right-hand rest
    """
)
# "a couple of dogs" is one phrase, "a bowl of soup" is two.
MEASURES: Final = _words(
    """
    couple lot lots bunch group groups number pair pairs variety row rows piece pieces slice
    slices flock herd kind kinds type types set sets collection series crowd
    """
)
ADJECTIVES: Final = _words(
    """
    red orange yellow green blue purple pink white black gray grey brown beige tan golden gold
    silver teal turquoise violet maroon cream navy colorful colourful bright dark light pale
    shiny big small large little tiny huge giant long short tall wide narrow thin thick high
    low deep fat skinny old young new modern ancient antique vintage rusty dirty clean dry wet
    empty full open closed round square-shaped rectangular circular oval flat curved straight
    striped dotted spotted checkered plaid plain solid patterned floral wooden metallic furry
    fluffy fuzzy hairy soft hard rough smooth sharp hot cold warm cool fresh ripe raw sweet
    close busy crowded quiet calm cloudy sunny snowy rainy grassy sandy rocky muddy leafy dusty
    foggy stormy beautiful pretty cute nice lovely ugly happy sad angry hungry sleepy lonely
    single double same different similar such first second third last own main whole entire
    real fake male female american asian chinese japanese italian british elderly adult blonde
    blond bald bare naked fancy messy neat tidy cluttered domestic wild heavy strong weak fast
    slow public professional electric electronic ready leftmost rightmost topmost bottommost
    nearest closest largest smallest biggest tallest
    """
)
# Verbs of captions in the form of a plural subject; the others are made of it.
_VERBS: Final = _words(
    """
    sit stand lie lay walk run ride drive fly jump play hold carry wear look watch eat drink
    sleep rest lean hang swim float sail wait talk speak smile laugh pose stare face show
    display contain include feature cross pull push throw catch hit kick swing serve cut cook
    prepare make take use read write paint graze roam gather surround fill travel move turn
    point reach touch feed pet hug kiss chase lead follow enjoy perform ski skate surf climb
    dive race land bend stretch open close seem appear come go get give put keep let see peek
    peer prop sniff lick bite chew nap doze perch grow bloom shine glow rise roll slide slip
    fall drop decorate lift blow burn cast overlook extend try begin start enter exit help
    share adorn belong consist
    """
)
_IRREGULAR_PARTICIPLES: Final = _words(
    """
    seen shown made worn torn broken driven ridden eaten taken given thrown blown grown drawn
    written hidden built held hung laid lain led cut set put caught fed lit met sat stood stuck
    spread split swept tied dug bent bound flown run
    """
)
# Nouns that look like forms of verbs.
NOUNS: Final = _words(
    """
    building buildings ceiling ceilings clothing dining living parking wedding painting
    paintings awning awnings railing railings crossing crossings lighting bedding bedspread
    dressing icing frosting topping toppings stuffing earring earrings ring rings string
    strings wing wings thing things king kings evening morning sibling siblings duckling
    ducklings pudding swimming shopping vending sewing landing landings bed beds shed sheds
    seed seeds weed weeds sled sleds moped mopeds hundred bread reed reeds spring family
    lightning dumpling dumplings sling bowling boxing housing rigging siding flooring
    wiring herring offering steering
    """
)
_NO_ADVERBS: Final = _words(
    """
    family belly jelly butterfly bully assembly curly woolly ugly friendly lovely elderly
    """
)
IRREGULAR_PLURALS: Final = _words(
    """
    people men women children sheep fish deer feet teeth mice geese cattle police
    """
)


def is_third_person(word: str) -> bool:
    """Whether it is a form such as "sits"."""
    return word in _THIRD_PERSON


def is_plain_verb(word: str) -> bool:
    """Whether it is a form such as "sit"."""
    return word in _VERBS


def is_participle(word: str) -> bool:
    """Whether it is a form such as "sitting" or "parked", and no noun that looks like one."""
    if word in NOUNS:
        return False
    return word in _IRREGULAR_PARTICIPLES or (len(word) > 4 and word.endswith(("ing", "ed")))


def is_plural(word: str) -> bool:
    """Whether a noun looks like a plural."""
    if word in IRREGULAR_PLURALS:
        return True
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))


def is_adverb(word: str) -> bool:
    """Whether it says how something is done, or how much."""
    return word in ADVERBS or (len(word) > 4 and word.endswith("ly") and word not in _NO_ADVERBS)


def is_adjective(word: str) -> bool:
    """Whether it says how something is, in all captions or by its form."""
    return word in ADJECTIVES or (len(word) > 5 and word.endswith(("colored", "coloured", "ish")))


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeou":
        return verb[:-1] + "ies"
    return verb + "s"


_THIRD_PERSON: Final = frozenset(map(_third_person, _VERBS))
