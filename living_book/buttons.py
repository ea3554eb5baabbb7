"""Buttons that follow the git remote: a fork's pages open the fork.

The theme has such buttons, too. It stops a build at a host that it does not know, and loses
GitLab's subgroups; so its buttons stay off, and these take their places.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from docutils import nodes
from sphinx.errors import ConfigError
from sphinx.locale import get_translation
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
translate = get_translation("booktheme")  # the words of the buttons are the theme's

# What a host can do, as addresses behind that of the repository.
KINDS = {
    "github": {
        "file": "/blob/{ref}/{path}",
        "edit": "/edit/{ref}/{path}",
        "issue": "/issues/new?title={title}",
        "line": "#L{line}",
    },
    "gitlab": {
        "file": "/-/blob/{ref}/{path}",
        "edit": "/-/edit/{ref}/{path}",
        "issue": "/-/issues/new?issue[title]={title}",
        "line": "#L{line}",
    },
    "gitea": {
        "file": "/src/{type}/{ref}/{path}",
        "edit": "/_edit/{ref}/{path}",
        "issue": "/issues/new?title={title}",
        "line": "#L{line}",
    },
    # Its issues are off in a new repository, and their page is then missing.
    "bitbucket": {
        "file": "/src/{ref}/{path}",
        "edit": "/src/{ref}/{path}?mode=edit",
        "line": "#lines-{line}",
    },
    "sourcehut": {"file": "/tree/{ref}/item/{path}", "line": "#L{line}"},
}
HOSTS = {
    "bitbucket.org": "bitbucket",  # a Bitbucket elsewhere is another program
    "framagit.org": "gitlab",
    "git.sr.ht": "sourcehut",
    "invent.kde.org": "gitlab",
    "salsa.debian.org": "gitlab",
}
LABELS = {"github": "github", "ghe": "github", "gitlab": "gitlab"} | dict.fromkeys(
    ("codeberg", "forgejo", "gitea"), "gitea"
)
PORTS = {"http": 80, "https": 443}
SCP = re.compile(r"(?:[^/@:]+@)?([A-Za-z0-9][\w.-]+):(?!//)(.+)")  # a drive has one letter
DOMAIN = re.compile(r".+\.([a-z]{2,}|xn--[a-z0-9-]+)")
PRIVATE = {"corp", "home", "internal", "intranet", "lan", "local", "private", "test"}
MYBINDER = "https://mybinder.org"
# Jupyter Book's default, which a book without an address of its own must not show.
NOT_THE_BOOK = "https://github.com/executablebooks/jupyter-book"
THEME_OPTIONS = (
    *("repository_url", "repository_branch", "repository_provider", "path_to_docs"),
    *("use_repository_button", "use_edit_page_button", "use_issues_button", "use_source_button"),
    "launch_buttons",
)


@dataclass(frozen=True)
class Repository:
    """Where a book is at home: what the links of its pages are made of."""

    address: str
    kind: str | None = None
    branch: str = ""
    commit: str = ""
    folder: str = ""
    binder: str = MYBINDER
    jupyterhub: str = ""

    def link(self, what: str, **words: str) -> str | None:
        """Return an address on the host, or None where the host has no such page."""
        if what not in KINDS.get(self.kind, {}) or (what == "edit" and not self.branch):
            return None
        ref, kind = self.branch or self.commit, "branch" if self.branch else "commit"
        quoted = {name: quote(word, safe="/") for name, word in words.items()}
        return self.address + KINDS[self.kind][what].format(ref=quote(ref), type=kind, **quoted)

    def place(self, path: str) -> str:
        """Return where a file of the book is in the repository."""
        return posixpath.normpath(posixpath.join(self.folder, path))


def git(folder, *words: str) -> str:
    """Return what git answers in a folder, or nothing without git, repository or answer."""
    try:
        command = ("git", "-C", str(folder), *words)
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()


def find_branch(folder, remote: str) -> str:
    """Return the branch's name on the remote; also where only one branch has a detached head."""
    stem = f"refs/remotes/{remote}/"
    branch = git(folder, "branch", "--show-current")
    if branch:
        upstream = git(folder, "for-each-ref", "--format=%(upstream)", f"refs/heads/{branch}")
        return upstream.removeprefix(stem) if upstream.startswith(stem) else branch
    tips = git(folder, "for-each-ref", "--points-at=HEAD", "--format=%(refname)", stem).split()
    names = [tip.removeprefix(stem) for tip in tips if tip != f"{stem}HEAD"]
    return names[0] if len(names) == 1 else ""


def ask_git(folder) -> dict[str, str]:
    """Return remote, branch, commit and folder; a folder that git ignores has none of them."""
    if git(folder, "check-ignore", "."):
        return dict.fromkeys(("remote", "branch", "commit", "folder"), "")
    names = git(folder, "remote").split()
    name = "origin" if "origin" in names or len(names) != 1 else names[0]
    return {
        "remote": git(folder, "remote", "get-url", name),
        "branch": find_branch(folder, name),
        "commit": git(folder, "rev-parse", "--quiet", "--verify", "HEAD"),
        "folder": git(folder, "rev-parse", "--show-prefix").rstrip("/"),
    }


def kind_of(host: str, hosts: dict[str, str]) -> str | None:
    """Return what a host is: as the book says, as is known, or by a label of its name.

    >>> kind_of("gitlab.uni.example", {}), kind_of("git.uni.example", {})
    ('gitlab', None)
    """
    by_label = (LABELS[label] for label in host.split(".") if label in LABELS)
    return {**HOSTS, **hosts}.get(host) or next(by_label, None)


def web_host(name: str, hosts: dict[str, str]) -> str | None:
    """Return the web's name of an SSH host, which can be an alias, or None if it is unknown."""
    try:
        command = ("ssh", "-G", "--", name)  # a name is no option
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=10)
        meant = re.findall(r"^hostname (.+)$", answer.stdout.lower(), re.MULTILINE)
    except (OSError, subprocess.TimeoutExpired):
        meant = []
    for host in (*meant, name):
        host = re.sub(r"^(alt)?ssh\.", "", host)  # ssh.github.com, behind a firewall
        if host in hosts or DOMAIN.fullmatch(host) and kind_of(host, hosts):
            return host
    return None


def read_remote(remote: str, hosts: dict[str, str]) -> tuple[str, str | None, str | None]:
    """Return host, web address and kind of a git remote, without users, tokens, SSH's port.

    A path has no host. A host of unknown kind has an address only if the remote itself is one.

    >>> read_remote("git@gitlab.com:group/part/book.git", {})
    ('gitlab.com', 'https://gitlab.com/group/part/book', 'gitlab')
    """
    match = "://" not in remote and SCP.fullmatch(remote)
    try:
        parts = urlsplit(f"ssh://{match[1]}/{match[2]}" if match else remote)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", None, None
    path = re.sub(r"(\.git)?/*$", "", parts.path.strip("/"))
    if parts.scheme not in {*PORTS, "ssh", "git+ssh", "ssh+git", "git"} or not host or not path:
        return "", None, None
    web = host if parts.scheme in PORTS else web_host(host, hosts)
    if web is None:
        return host, None, None
    kind = kind_of(web, hosts) if "/" in path else None
    kept = parts.scheme in PORTS and port not in (None, PORTS[parts.scheme])
    scheme = parts.scheme if parts.scheme in PORTS else "https"
    place = f"{web}:{port}" if kept else web
    return web, f"{scheme}://{place}/{quote(path, safe='/~%')}", kind


def configured_hosts(config) -> dict[str, str]:
    """Return the kinds of hosts that the book names; Forgejo, say, is of the kind of Gitea."""
    hosts = {}
    for name, said in config.living_book_hosts.items():
        kind = str(said).lower()
        if kind not in {*KINDS, *LABELS}:
            needed = ", ".join(sorted({*KINDS, *LABELS}))
            raise ConfigError(f"living_book_hosts: {name} must be one of {needed}, got {said!r}")
        hosts[str(name).lower()] = LABELS.get(kind, kind)
    return hosts


def find_repository(app, config) -> None:
    """Note the book's repository, by its configuration or by git, and keep the theme out of it."""
    options = config.html_theme_options
    given = {name: options.get(name) or "" for name in THEME_OPTIONS}
    if config.html_theme == "sphinx_book_theme":
        for name in THEME_OPTIONS:
            options.pop(name, None)
    known, url, branch = ask_git(app.srcdir), given["repository_url"], given["repository_branch"]
    configured = url if url.rstrip("/") != NOT_THE_BOOK else ""
    hosts = configured_hosts(config)
    host, address, kind = read_remote(configured or known["remote"], hosts)
    if configured and given["repository_provider"] in KINDS:
        kind = given["repository_provider"]
    if host and not kind:
        LOGGER.info(
            f"The pages have no buttons, since it is not known what kind of host {host} is. "
            f"Say so in the configuration, living_book_hosts: {{{host}: gitlab}}; "
            f"the kinds are {', '.join(KINDS)}."
        )
    if branch in ("", "master"):  # Jupyter Book says 'master' where the book says nothing
        branch = known["branch"]
    if configured or not known["commit"]:
        branch = branch or given["repository_branch"] or "main"
    launch = given["launch_buttons"] or {}
    config.living_book_repository = address and Repository(
        address=address,
        kind=kind,
        branch=branch,
        commit="" if branch else known["commit"],  # else each commit would rewrite all pages
        folder=(given["path_to_docs"] or known["folder"]).strip("/"),
        binder=(launch.get("binderhub_url") or MYBINDER).rstrip("/"),
        jupyterhub=(launch.get("jupyterhub_url") or "").rstrip("/"),
    )


def source_url(app, path: str, line: int | None = None) -> str | None:
    """Return the web address of a file, given by its path from the book's source folder."""
    repository = app.config.living_book_repository
    if not repository or (place := repository.place(path)).startswith(".."):
        return None
    address = repository.link("file", path=place)
    return address and address + (KINDS[repository.kind]["line"].format(line=line) if line else "")


def binder_link(repository: Repository, place: str) -> str | None:
    """Return the link that runs a notebook on Binder.

    mybinder.org calls no port but those of HTTP and git, and no host of a private network.
    """
    host = urlsplit(repository.address).netloc
    name = repository.address.partition(f"{host}/")[2]
    public = DOMAIN.fullmatch(host)
    if repository.binder == MYBINDER and (not public or public[1] in PRIVATE):
        return None
    if host == "github.com":
        spec = f"gh/{name}"
    elif host == "gitlab.com":
        spec = f"gl/{quote(name, safe='')}"
    else:
        spec = f"git/{quote(repository.address, safe='')}"
    where = urlencode({"urlpath": f"lab/tree/{place}"}, safe="/")
    return f"{repository.binder}/v2/{spec}/{quote(repository.branch or repository.commit)}?{where}"


def colab_link(repository: Repository, place: str, branch: str) -> str | None:
    """Return the link to a notebook in Colab, which opens those of GitHub only."""
    name = repository.address.removeprefix("https://github.com/")
    if name == repository.address or not place.endswith(".ipynb"):
        return None
    ref = branch or repository.branch or repository.commit
    return f"https://colab.research.google.com/github/{name}/blob/{quote(f'{ref}/{place}')}"


def pull_link(repository: Repository, place: str, hub: str) -> str:
    """Return the link that makes a JupyterHub fetch the book, with nbgitpuller's parameters."""
    where = {"repo": repository.address}
    if repository.branch:  # else nbgitpuller takes the default branch
        where["branch"] = repository.branch
    where["urlpath"] = f"lab/tree/{posixpath.basename(repository.address)}/{place}"
    return f"{hub}/hub/user-redirect/git-pull?{urlencode(where, safe='/:')}"


def source_buttons(repository: Repository, page: str, place: str | None) -> list[tuple]:
    """Return the buttons that lead to the source; a page without a source cannot be edited."""
    edit = place and repository.link("edit", path=place)
    issue = repository.link("issue", title=f"Issue on page {page}")
    return [
        (repository.address, "Repository", "Source repository", "fas fa-folder-open"),
        (edit, "Suggest edit", "Suggest edit", "fas fa-pencil-alt"),
        (issue, "Open issue", "Open an issue", "fas fa-lightbulb"),
    ]


def launch_buttons(repository: Repository, place: str, branch: str) -> list[tuple]:
    """Return the buttons that run a notebook elsewhere."""
    hub, launch, images = repository.jupyterhub, translate("Launch on"), "_static/images"
    pull = hub and pull_link(repository, place, hub)
    colab = colab_link(repository, place, branch)
    return [
        (binder_link(repository, place), "Binder", f"{launch} Binder", f"{images}/logo_binder.svg"),
        (pull, "JupyterHub", f"{launch} JupyterHub", f"{images}/logo_jupyterhub.svg"),
        (colab, "Colab", f"{launch} Colab", f"{images}/logo_colab.png"),
    ]


def source_path(env, docname: str) -> str:
    """Return the path of a page's source from the book's source folder."""
    return Path(env.doc2path(docname, False)).as_posix()


def add_group(groups: list, name: str, tooltip: str, icon: str, rows: list[tuple]) -> None:
    """Add a group as the theme describes one: of the rows that have a link, if any."""
    buttons = [
        {"type": "link", "url": url, "text": text, "tooltip": tip, "icon": image}
        for url, text, tip, image in rows
        if url
    ]
    if buttons:
        look = {"type": "group", "tooltip": translate(tooltip), "icon": f"fas fa-{icon}"}
        groups.append({**look, "buttons": buttons, "label": f"{name}-buttons"})


def add_buttons(app, pagename, templatename, context, doctree) -> None:
    """Add the buttons of a page to those of the theme; another theme has no such list."""
    repository, groups = app.config.living_book_repository, context.get("header_buttons")
    if groups is None or not repository or not repository.kind:
        return
    found = pagename in app.env.found_docs
    place = repository.place(source_path(app.env, pagename)) if found else None
    if place and (place.endswith(".ipynb") or "kernelspec" in app.env.metadata[pagename]):
        rows = launch_buttons(repository, place, app.config.living_book_colab_branch)
        add_group(groups, "launch", "Launch interactive content", "rocket", rows)
    rows = source_buttons(repository, pagename, place)
    add_group(groups, "source", "Source repositories", "code-branch", rows)


class pull_link_node(nodes.General, nodes.Element):
    """Where the pull link is shown, with the words that lead to it."""


class PullLink(SphinxDirective):
    """``{pull-link}`` shows its content and the link, or nothing where there is no link."""

    has_content = True

    def run(self):
        node = pull_link_node()
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def first_chapter(env) -> str:
    """Return the source of the first notebook in the table of contents, or of the first page."""
    pages = [source_path(env, name) for name in env.collect_relations()]
    return next((page for page in pages if page.endswith(".ipynb")), pages[min(1, len(pages) - 1)])


class ShowPullLink(SphinxPostTransform):
    """Write the pull link with the page: a page is read once, and its remote can change."""

    default_priority = 5  # before references are resolved, also those of words that go

    def run(self, **kwargs) -> None:
        for node in list(self.document.findall(pull_link_node)):
            repository = self.config.living_book_repository
            shown = []
            if repository:
                place = repository.place(first_chapter(self.env))
                link = pull_link(repository, place, "https://HUB")
                shown = [*node.children, nodes.literal_block(link, link, language="text")]
            node.replace_self(shown)
