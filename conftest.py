"""What pytest needs to know of this book."""


def pytest_collectstart(collector):
    """Notebooks store no pictures: nbval skips PNG by itself, and here SVG too."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
