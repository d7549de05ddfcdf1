"""The first page: what is going on, and whether everything is safe."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from .page import Request, show


@require_safe
def home(request: Request) -> HttpResponse:
    return show(request, "sessions/home.html", {})
