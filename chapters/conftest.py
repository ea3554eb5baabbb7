"""What nbval needs to know of the chapters."""

from lin_utils.explore import MIME


def pytest_collectstart(collector):
    """Notebooks store no pictures: nbval skips PNG by itself, and here the others too."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml", MIME)
