"""The Java programs that the COCO caption evaluation runs, where they and Java are."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Final

from pixelllm.evaluation.captions.meteor_tables import tables_folder

JAVA: Final = shutil.which("java")
SECONDS: Final = 540  # until a program that hangs is ended; METEOR reads its tables for a minute

# As in pycocoevalcap/tokenizer/ptbtokenizer.py, which looks for brackets in capitals.
PUNCTUATION: Final = frozenset("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split())


def missing() -> str | None:
    """What keeps the programs from running here."""
    if JAVA is None:
        return "needs Java"
    if tables_folder() is None or find_spec("pycocoevalcap") is None:
        return "needs pycocoevalcap (python/requirements-meteor.txt)"
    return None


def ptb_tokens(captions: Sequence[str]) -> list[str]:
    """The captions as Stanford's tokenizer has them, without punctuation."""
    jar = _folder().parent / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    tokenizer = ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    done = subprocess.run(
        [_java(), "-Dfile.encoding=UTF-8", "-cp", str(jar), *tokenizer],
        input="".join(f"{caption}\n" for caption in captions).encode(),
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    lines = done.stdout.decode().split("\n")[: len(captions)]
    return [" ".join(w for w in line.rstrip().split(" ") if w not in PUNCTUATION) for line in lines]


def meteor_scores(pairs: Sequence[tuple[str, Sequence[str]]]) -> tuple[list[float], float]:
    """METEOR of each candidate with its references, and of all together."""
    with _meteor() as program:
        assert program.stdin is not None
        assert program.stdout is not None
        stats = []
        for candidate, references in pairs:
            fields = ("SCORE", *references, candidate.replace("|||", "").replace("  ", " "))
            program.stdin.write(" ||| ".join(fields) + "\n")
            program.stdin.flush()
            stats.append(program.stdout.readline().strip())
        program.stdin.write(" ||| ".join(("EVAL", *stats)) + "\n")
        program.stdin.flush()
        *scores, together = (float(program.stdout.readline()) for _ in range(len(pairs) + 1))
    return scores, together


@contextmanager
def _meteor() -> Iterator["subprocess.Popen[str]"]:
    folder = _folder()
    arguments = ["-Xmx2G", "-Dfile.encoding=UTF-8", "-jar", "meteor-1.5.jar"]
    options = ["-", "-", "-stdio", "-l", "en", "-norm"]
    with subprocess.Popen(
        [_java(), *arguments, *options],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as program:
        deadline = Timer(SECONDS, program.kill)
        deadline.start()
        try:
            yield program
        finally:
            deadline.cancel()
            program.kill()


def _java() -> str:
    assert JAVA is not None
    return JAVA


def _folder() -> Path:
    folder = tables_folder()
    assert folder is not None
    return folder
