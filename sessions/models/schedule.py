"""What runs by the clock."""

from typing import ClassVar

from django.db import models

from sessions.fields import JSONTextField


class Schedule(models.Model):
    """A job that runs by the clock, once, whatever the number of workers.

    A worker claims a run by moving `next_run_at` on in one conditional update; `running_since` marks a run that
    has not ended. What has no `next_run_at` is run by hand and noted here.
    """

    name = models.CharField(primary_key=True, max_length=64)
    next_run_at = models.DateTimeField(null=True, blank=True)
    running_since = models.DateTimeField(null=True, blank=True)
    last_finished_at = models.DateTimeField(null=True, blank=True)
    last_result = JSONTextField(blank=True, default=dict)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
