"""How much was said when, counted beside the interactions so that no page has to count them."""

from typing import ClassVar

from django.db import models

QUARTER_SECONDS = 15 * 60


class ActivityCount(models.Model):
    """How many interactions happened in a quarter of an hour, and how many of them were errors.

    `quarter` is the Unix time divided by 900: every time zone's days begin with one. What is counted here, and
    what is not yet, is told by `ActivityMark`.
    """

    quarter = models.BigIntegerField(primary_key=True)
    interactions = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["quarter"]

    def __str__(self) -> str:
        return f"{self.interactions} in quarter {self.quarter}"


class ActivityMark(models.Model):
    """How far the counting is, in one row: interactions with a smaller ID are counted, all others are not."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    counted_before = models.UUIDField()

    def __str__(self) -> str:
        return str(self.counted_before)
