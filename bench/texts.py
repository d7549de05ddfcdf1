"""Texts of a large store: common and rare words as Zipf found them, identifiers, paths, CJK, accents, errors.

The same seed makes the same texts. `NEEDLE` stands in three interactions of a whole store, `PHRASE` in about one
of 200, and `COMMON` in every third.
"""

import random
from itertools import accumulate

from .workload import COMMON_WORDS

NEEDLE = "quetzalcoatlus"
PHRASE = "disk quota exceeded"
COMMON = "about"
_SYLLABLES = "ba be bi bo bu da de di do ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te"
_OTHERS = (
    "データベースの移行計画を確認してください。",
    "请把昨天的日志文件压缩后上传到服务器。",
    "회의 내용을 요약해 주세요.",
    "Prüfe bitte, ob die Größenänderung übernommen wurde.",
    "Peux-tu vérifier où l'erreur s'est déclenchée ?",
    "Проверьте, пожалуйста, журнал ошибок за вчера.",
    "من فضلك راجع سجل الأخطاء.",
)
_RARE_WORDS = 40_000
_SENTENCES = 30_000


class Texts:
    """A supply of sentences, put together anew for each text."""

    def __init__(self, seed: int) -> None:
        self._choice = random.Random(seed)
        words = [*COMMON_WORDS, *(self._rare_word() for _ in range(_RARE_WORDS))]
        weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
        self._sentences = [self._sentence(words, weights) for _ in range(_SENTENCES)]

    def said(self, sentences: int) -> str:
        """Running text of about so many sentences; now and then with something that stands nowhere else."""
        chosen = self._choice.choices(self._sentences, k=sentences)
        dice = self._choice.random()
        if dice < 0.2:
            chosen.append(f"See {self.identifier()} in {self.path()}.")
        elif dice < 0.22:
            chosen.append(self._choice.choice(_OTHERS))
        return " ".join(chosen)

    def output(self, lines: int) -> str:
        """What a tool printed."""
        told = [f"{self.path()}:{self._choice.randrange(900)}: {line}" for line in self._lines(lines)]
        if self._choice.random() < 0.02:
            told.append(f"OSError: [Errno 122] {PHRASE}: '{self.path()}'")
        return "\n".join(told)

    def identifier(self) -> str:
        verb, noun = self._choice.choices(COMMON_WORDS, k=2)
        return f"{verb}_{noun}_{self._choice.randrange(3000)}"

    def path(self) -> str:
        folder, file = self._choice.choices(COMMON_WORDS, k=2)
        return f"src/{folder}/{file}_{self._choice.randrange(40)}.py"

    def _lines(self, count: int) -> list[str]:
        return self._choice.choices(self._sentences, k=count)

    def _rare_word(self) -> str:
        return "".join(self._choice.choices(_SYLLABLES.split(), k=self._choice.choice((3, 4, 5))))

    def _sentence(self, words: list[str], weights: list[float]) -> str:
        told = self._choice.choices(words, cum_weights=weights, k=self._choice.randint(6, 18))
        return " ".join(told).capitalize() + "."
