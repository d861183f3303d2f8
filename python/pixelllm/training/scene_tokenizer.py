"""The tiny model's tokenizer: a sentencepiece model in which every word of the scenes is one piece.

Letters are pieces too, so that any text can be read; upper case is folded.
"""

from __future__ import annotations

import io
import string
from itertools import chain

import numpy as np
import sentencepiece

from pixelllm.data.scene_words import VOCABULARY
from pixelllm.data.scenes import corpus
from pixelllm.model.tokenizer import Tokenizer

CORPUS_SCENES = 500
REPEATED = 300  # times that every word is shown beside them: some are rare in scenes


def train_tokenizer(vocab_size: int, seed: int = 0) -> bytes:
    """Train the tokenizer on texts of scenes.

    Returns:
        The sentencepiece model's bytes; ids: pad 0, end 1, unknown 2, no begin, as in T5.

    Raises:
        ValueError: a word of the scenes came out in pieces.
    """
    model = io.BytesIO()
    texts = corpus(np.random.default_rng(seed), CORPUS_SCENES)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=chain(texts, VOCABULARY * REPEATED),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        required_chars=string.ascii_lowercase + string.digits + string.punctuation,
        normalization_rule_name="nmt_nfkc_cf",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=1,
    )
    tokenizer = Tokenizer(model.getvalue())
    broken = [word for word in VOCABULARY if len(tokenizer.encode(word)) != 1]
    if broken:
        raise ValueError(f"not one piece each: {', '.join(broken)}")
    return model.getvalue()
