"""Caption metrics without Java: BLEU, ROUGE-L, CIDEr and METEOR, on words as COCO counts them."""

from pixelllm.evaluation.captions.bleu import BleuCounts, bleu_counts
from pixelllm.evaluation.captions.cider import cider_scores
from pixelllm.evaluation.captions.meteor import ExactStemScore, Meteor, MeteorCounts
from pixelllm.evaluation.captions.meteor_tables import TablesMissingError
from pixelllm.evaluation.captions.ptb import tokenize
from pixelllm.evaluation.captions.rouge import rouge_l
from pixelllm.evaluation.captions.scores import caption_scores

__all__ = [
    "BleuCounts",
    "ExactStemScore",
    "Meteor",
    "MeteorCounts",
    "TablesMissingError",
    "bleu_counts",
    "caption_scores",
    "cider_scores",
    "rouge_l",
    "tokenize",
]
