"""The REST face put together: ninja's API, its operations as `calling` calls them and `facing` presents them."""

from collections.abc import Iterator

from django.urls import URLPattern, path, re_path
from ninja import NinjaAPI

from sessions.actions import version
from sessions.records import Scope
from sessions.views.page import page

from . import docs
from .calling import view_of
from .routes import ROUTES
from .transport import facing, for_programs, unknown_address

api = NinjaAPI(title="Sessionsite", version=version(), openapi_url=None, docs_url=None, urls_namespace="api")

for routes in ROUTES:
    api.add_router("", routes.router)


def operations() -> Iterator[tuple[str, str, str, Scope | None]]:
    """Every operation: method, path below /api/v1 with its parts in braces, ID, and the scope it needs, or None."""
    for routes in ROUTES:
        yield from ((one.method, one.path, one.operation_id, one.scope) for one in routes.declared)


def _addresses() -> Iterator[URLPattern]:
    seen: set[str] = set()
    for bound in api._get_bound_routers():
        for template, view in bound.path_operations.items():
            assert template not in seen, template  # noqa: S101  (the second would never be reached)
            seen.add(template)
            methods = [method for operation in view.operations for method in operation.methods]
            route = template.lstrip("/").replace("{", "<").replace("}", ">")
            yield path(route, facing(view_of(api, view.operations), methods))


urlpatterns = [
    *_addresses(),
    page("docs", docs.docs, name="api-docs", readers=True),
    re_path(r"", for_programs(unknown_address)),
]
