"""The store's figures as Prometheus reads them. Nothing is kept between two readings: each asks the store anew."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sessions.agents.service import StoreFigures


def exposition(figures: StoreFigures, accept: str | None) -> tuple[bytes, str]:
    """The figures in the text format that is accepted, and the name of that format."""
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    encode, content_type = choose_encoder(accept or "")
    return encode(registry), content_type


class _Figures(Collector):
    def __init__(self, figures: StoreFigures) -> None:
        self.figures = figures

    def collect(self) -> Iterable[Metric]:
        now = self.figures
        yield InfoMetricFamily(
            "sessionsite_build", "What runs here.", value={"version": now.version, "database": now.database}
        )
        states = GaugeMetricFamily("sessionsite_sessions", "Sessions by state.", labels=["state"])
        for name in ("active", "expired", "trashed"):
            states.add_metric([name], getattr(now.states, name))
        yield states
        yield _gauge("sessions_held", "Sessions that no cleanup takes, in whatever state.", now.states.held)
        yield _gauge("sessions_expiring", "Active sessions that expire soon.", now.states.expiring)
        yield _gauge("interactions", "Interactions stored.", now.interactions)
        yield from self._copies()
        yield from self._room()

    def _copies(self) -> Iterable[Metric]:
        mirror = self.figures.mirror
        debt = GaugeMetricFamily(
            "sessionsite_mirror_debt", "What the files are behind with, by kind of file.", labels=["kind"]
        )
        for name, count in (
            ("session", mirror.debt_sessions),
            ("profile", mirror.debt_profiles),
            ("document", mirror.debt_documents),
            ("tombstone", mirror.unsettled_tombstones),
        ):
            debt.add_metric([name], count)
        yield debt
        age = mirror.debt_age_seconds or 0.0
        yield _gauge("mirror_debt_age_seconds", "How old the oldest change is that the files lack; 0 without one.", age)
        yield _gauge("quarantined_files", "Files set aside because they were damaged.", mirror.quarantined)
        yield _gauge("search_debt", "Sessions that the search does not find as they are.", self.figures.search_waiting)

    def _room(self) -> Iterable[Metric]:
        sizes, clockwork = self.figures.sizes, self.figures.clockwork
        if sizes.database is not None:
            yield _gauge("database_bytes", "What the database takes.", sizes.database)
        yield _gauge("disk_free_bytes", "What the data directory's disk has left.", sizes.disk_free)
        yield _gauge("disk_size_bytes", "What the data directory's disk holds.", sizes.disk_total)
        yield _gauge("worker_up", "Whether the worker was heard of lately.", float(clockwork.worker_is_alive))


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sessionsite_{name}", told, value=value)
