"""Runs in Pyodide: IPython's own shell, so that magics and outputs are those of any notebook."""

import contextlib
import io
import json

import matplotlib.font_manager  # noqa: F401 (says once that it looks for fonts, so before a cell)
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


class Hook(DisplayHook):
    """Publishes the value of a cell as it publishes what is displayed."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.display_pub.publish(format_dict, md_dict)

    def finish_displayhook(self):
        pass


class Shell(InteractiveShell):
    """A shell that keeps what a cell shows, and how it fails."""

    failure = None

    def enable_gui(self, gui=None):
        pass

    def _showtraceback(self, etype, evalue, stb):
        self.failure = {"ename": etype.__name__, "evalue": str(evalue), "traceback": stb}


quiet = Config({"HistoryManager": {"enabled": False}})  # its thread cannot start here
shell = Shell.instance(
    config=quiet, displayhook_class=Hook, display_pub_class=CapturingDisplayPublisher
)
shell.colors = "NoColor"


def run(source):
    """Run a cell; return as JSON what it printed, showed and raised."""
    shell.failure = None
    shell.display_pub.outputs.clear()
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        shell.run_cell(source)
    streams = {"stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
    shown = [{"data": o["data"], "metadata": o["metadata"]} for o in shell.display_pub.outputs]
    return json.dumps({"streams": streams, "shown": shown, "failure": shell.failure}, default=repr)
