"""How static files are kept: under names that change with their content, imports between scripts included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class ManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """Scripts are modules that import one another; without this, an import would name the file of an older version."""

    support_js_module_import_aggregation = True
