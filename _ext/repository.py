"""Buttons that follow the git remote: a fork's pages open the fork."""

import re
import subprocess
from urllib.parse import urlencode

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

REMOTE = re.compile(r"(?:https?://(?:[^/@]+@)?|ssh://git@|git@)([^/:]+)[/:](.+?)(?:\.git)?/?$")


def web_address(remote):
    """Return the web address of a git remote, or None where it has none (a local path)."""
    match = REMOTE.match(remote.strip())
    return match and f"https://{match[1]}/{match[2]}"


def git(*words):
    """Return what git answers, or nothing where there is no git or no repository."""
    try:
        answer = subprocess.run(("git", *words), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()


def theme_options(remote, branch):
    """Return the options of the theme that turn the buttons on."""
    address = web_address(remote)
    if address is None:
        return {}
    launch = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"}
    if address.startswith("https://github.com/"):
        launch["colab_url"] = "https://colab.research.google.com"
    return {
        "repository_url": address,
        "repository_branch": branch or "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": launch,
    }


def add_buttons(app, config):
    remote, branch = git("remote", "get-url", "origin"), git("branch", "--show-current")
    config.html_theme_options.update(theme_options(remote, branch))


def with_colab_copies(buttons, branch):
    """Let Colab open the copy that installs lin_utils; a page of text has no such button."""
    mended = []
    for button in buttons:
        if button["text"] == "Colab":
            button = {**button, "url": button["url"].replace(f"/blob/{branch}/", "/blob/colab/")}
        if button["text"] != "Colab" or button["url"].endswith(".ipynb"):
            mended.append(button)
    return mended


def mend_colab(app, pagename, templatename, context, doctree):
    """Let the theme's button open what the publishing workflow writes, see tools/colab.py."""
    branch = app.config.html_theme_options.get("repository_branch")
    for group in context.get("header_buttons", []):
        if group["label"] == "launch-buttons":
            group["buttons"] = with_colab_copies(group["buttons"], branch)


def pull_link(address, branch):
    """Return the link that makes a JupyterHub fetch the book, with nbgitpuller's parameters."""
    name = address.rpartition("/")[2]
    where = {
        "repo": address,
        "branch": branch,
        "urlpath": f"lab/tree/{name}/chapters/optimality-conditions.ipynb",
    }
    return f"https://HUB/hub/user-redirect/git-pull?{urlencode(where, safe='/:')}"


class PullLink(SphinxDirective):
    """``{pull-link}`` shows the link for the remote, or where to put the address without one."""

    def run(self):
        options = self.config.html_theme_options
        address = options.get("repository_url", "https://HOST/OWNER/BOOK")
        link = pull_link(address, options.get("repository_branch", "main"))
        return [nodes.literal_block(link, link, language="text")]


def setup(app):
    app.add_directive("pull-link", PullLink)
    app.connect("config-inited", add_buttons)
    app.connect("html-page-context", mend_colab, priority=900)
    return {"parallel_read_safe": True}
