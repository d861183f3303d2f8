"""A tokenizer for the small models."""

import io

import sentencepiece


def tokenizer_bytes() -> bytes:
    """A sentencepiece model with T5's special tokens and fewer pieces than the small models."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a small red ring", "a large blue star", "where is the disc"] * 9),
        model_writer=model,
        vocab_size=48,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()
