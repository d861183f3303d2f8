"""All caption metrics of a set of captions, as the COCO caption evaluation reports them."""

from collections.abc import Sequence
from functools import reduce
from operator import add

from pixelllm.evaluation.captions.bleu import bleu_counts
from pixelllm.evaluation.captions.cider import cider_scores
from pixelllm.evaluation.captions.meteor import Meteor
from pixelllm.evaluation.captions.meteor_tables import tables_folder
from pixelllm.evaluation.captions.ptb import tokenize
from pixelllm.evaluation.captions.rouge import rouge_l


def caption_scores(
    candidates: Sequence[str], references: Sequence[Sequence[str]], meteor: Meteor | None = None
) -> dict[str, float]:
    """BLEU-1 to 4, ROUGE-L, CIDEr, and METEOR where its tables are.

    Args:
        candidates: a caption of each image, as it was written.
        references: of each image, one or more true captions.
        meteor: one that is loaded already; else it is loaded if its tables are installed.

    Returns:
        `bleu_1` ... `bleu_4`, `rouge_l` and `meteor` in 0-1, `cider` in 0-10. BLEU and METEOR are
        of all captions together, the others are means. `meteor` is absent without tables.

    Raises:
        ValueError: there are no captions, not as many candidates as lists of references, or a list
            without any.
    """
    if not candidates:
        raise ValueError("no captions to score: give at least one")
    if len(candidates) != len(references):
        raise ValueError(f"{len(candidates)} candidates, but {len(references)} lists of references")
    if not all(references):
        raise ValueError(f"no reference for caption {[bool(r) for r in references].index(False)}")
    if meteor is None and tables_folder() is not None:
        meteor = Meteor()
    texts = [tokenize(candidate) for candidate in candidates]
    wanted = [[tokenize(reference) for reference in of_one] for of_one in references]
    pairs = list(zip(texts, wanted, strict=True))
    bleu = reduce(add, (bleu_counts(text, of_one) for text, of_one in pairs)).scores
    scores = {f"bleu_{n}": score for n, score in enumerate(bleu, start=1)}
    scores["rouge_l"] = sum(rouge_l(text, of_one) for text, of_one in pairs) / len(pairs)
    scores["cider"] = sum(cider_scores(texts, wanted)) / len(pairs)
    if meteor is not None:
        scores["meteor"] = reduce(add, (meteor.counts(*pair) for pair in pairs)).score
    return scores
