"""What pytest needs to know of this book."""

from hypothesis import settings

# The same examples on every machine: a test that fails here fails there.
settings.register_profile("book", derandomize=True, deadline=None)
settings.load_profile("book")


def pytest_collectstart(collector):
    """Notebooks store no pictures: nbval skips PNG by itself, and here SVG too."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
