"""Writes what the Java programs say of the corpus to tests/fixtures/captions.json.

python -m tests.python.evaluation.captions.write_goldens
"""

import json

from tests.python.evaluation.captions.corpus import make_corpus
from tests.python.evaluation.captions.goldens import GOLDENS, digest
from tests.python.evaluation.captions.java import meteor_scores, ptb_tokens


def make_goldens() -> dict[str, object]:
    """What is compared.

    candidates: as the PTB tokenizer has them; references_sha256: of the references, likewise.
    meteor: of each tokenised pair; meteor_plain: of each as it is written; meteor_together: of all
        tokenised pairs together.
    """
    pairs = make_corpus()
    candidates = ptb_tokens([pair.candidate for pair in pairs])
    flat = iter(ptb_tokens([reference for pair in pairs for reference in pair.references]))
    references = [[next(flat) for _ in pair.references] for pair in pairs]
    plain = [(pair.candidate, pair.references) for pair in pairs]
    tokenised = list(zip(candidates, references, strict=True))
    scores, together = meteor_scores(tokenised)
    return {
        "candidates": candidates,
        "references_sha256": digest(references),
        "meteor": [round(score, 9) for score in scores],
        "meteor_plain": [round(score, 9) for score in meteor_scores(plain)[0]],
        "meteor_together": together,
    }


if __name__ == "__main__":
    GOLDENS.write_text(json.dumps(make_goldens(), ensure_ascii=False, indent=0) + "\n", "utf-8")
