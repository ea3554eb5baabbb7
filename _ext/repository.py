"""Buttons that follow the git remote: a fork's pages open the fork."""

import re
import subprocess

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
    return {
        "repository_url": address,
        "repository_branch": branch or "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
        },
    }


def add_buttons(app, config):
    remote, branch = git("remote", "get-url", "origin"), git("branch", "--show-current")
    config.html_theme_options.update(theme_options(remote, branch))


def setup(app):
    app.connect("config-inited", add_buttons)
    return {"parallel_read_safe": True}
