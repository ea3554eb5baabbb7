"""Make a fork ready: ``python -m tools.fork --author "Lovelace, Ada" --title TITLE --remote URL``.

The book gets its new title, authors, year and address wherever it names them. What the licenses
ask to keep stays: each copyright line, and a credit to the book that the fork was made from.
"""

import argparse
import datetime
import html
import io
import pathlib
import re
import subprocess
import sys

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from living_book.buttons import read_remote

BOOK = pathlib.Path(__file__).parents[1]
LICENSES = "LICENSE", "chapters/LICENSE", "living_book/LICENSE"
COLLECTIVE = "The authors of this book"  # would mean others in a fork
YAMLS = YAML()  # keeps comments, and what does not change as it is written
YAMLS.preserve_quotes, YAMLS.width = True, 4096
YAMLS.indent(mapping=2, sequence=4, offset=2)


def git(*words, check=True):
    """Return what git prints."""
    answer = subprocess.run(["git", *words], cwd=BOOK, capture_output=True, encoding="utf-8")
    if check and answer.returncode:
        sys.exit(answer.stderr)
    return answer.stdout.strip()


def entity(author):
    """Return an author as CITATION.cff names one.

    >>> entity("Lovelace, Ada"), entity("The Analytical Society")
    ({'family-names': 'Lovelace', 'given-names': 'Ada'}, {'name': 'The Analytical Society'})
    """
    family, comma, given = map(str.strip, author.partition(","))
    return {"family-names": family, "given-names": given} if comma else {"name": family}


def listed(authors):
    """Return authors of CITATION.cff as a text names them.

    >>> listed([entity(name) for name in ("Lovelace, Ada", "Babbage, Charles", "Others")])
    'Ada Lovelace, Charles Babbage and Others'
    """
    names = [a.get("name") or f"{a['given-names']} {a['family-names']}" for a in authors]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def original(cited, address):
    """Return the book that CITATION.cff describes, as the fork's will refer to it."""
    title = str(cited["title"])
    authors = [dict(author) for author in cited["authors"]]
    for author in authors:
        if author.get("name") == COLLECTIVE:
            author["name"] = f"the authors of {title}"
    found = {"title": title, "authors": authors, "version": str(cited["version"]), "url": address}
    return {"type": "software"} | {key: value for key, value in found.items() if value}


def add_holder(text, holder, year):
    """Return a license with a line for a holder of rights below the others, which stay.

    >>> print(add_holder("Copyright (c) 2026, A\\n", "B", 2027), end="")
    Copyright (c) 2026, A
    Copyright (c) 2027, B
    >>> print(add_holder("Copyright (c) 2026, A\\nCopyright (c) 2027, B\\n", "B", 2029), end="")
    Copyright (c) 2026, A
    Copyright (c) 2027-2029, B
    """
    lines = list(re.finditer(r"^Copyright \(c\) (\d+)(?:-(\d+))?, (.+)\n", text, re.MULTILINE))
    line = next((line for line in lines if line[3] == holder), None)
    known = [int(number) for number in line.groups()[:2] if number] if line else []
    first, last = min([*known, year]), max([*known, year])
    years = f"{first}-{last}" if first < last else str(year)
    start, end = line.span() if line else (lines[-1].end(),) * 2
    return f"{text[:start]}Copyright (c) {years}, {holder}\n{text[end:]}"


class Files:
    """The files of the book that a fork changes, by their names; they are written together."""

    def __init__(self):
        names = *LICENSES, "README.md", "index.md", "_config.yml", "CITATION.cff"
        self.texts = {name: (BOOK / name).read_text(encoding="utf-8") for name in names}

    def mapping(self, name):
        return YAMLS.load(self.texts[name])

    def put(self, name, mapping):
        YAMLS.dump(mapping, written := io.StringIO())
        self.texts[name] = written.getvalue()

    def head(self, name, old, new, credit=""):
        """Change the heading of a page, and put a credit below it."""
        parts = re.split(rf"^# {re.escape(old)}\n", self.texts[name], maxsplit=1, flags=re.M)
        if len(parts) != 2:
            sys.exit(f"{name} needs the title of _config.yml as its heading, '# {old}'")
        self.texts[name] = f"# {new}\n{credit}".join(parts)

    def write(self):
        for name, text in self.texts.items():
            (BOOK / name).write_text(text, encoding="utf-8")


def fork(title, authors, remote, year):
    """Change all files, and the remote of git, to a book of these authors."""
    files = Files()
    config, cited = files.mapping("_config.yml"), files.mapping("CITATION.cff")
    old, home = str(config["title"]), git("remote", "get-url", "origin", check=False)
    title, address = title or old, read_remote(remote, {})[1]
    known = cited.pop("repository-code", None) or read_remote(home, {})[1]
    credit, html_footer = "", config["html"]["extra_footer"]
    if listed(authors) != listed(cited["authors"]):  # else a second run would credit the fork
        source = original(cited, known if known != address else None)
        url, by = source.get("url"), listed(source["authors"])
        by = by.replace(f"the authors of {old}", "its authors")
        credit = f"\nAdapted from {f'[{old}]({url})' if url else old}, by {by}.\n"
        name = f"<cite>{html.escape(old)}</cite>"
        name = f'<a href="{html.escape(url)}">{name}</a>' if url else name
        said = f" Adapted from {name}, by {html.escape(by)}.</p>"
        config["html"]["extra_footer"] = html_footer.removesuffix("</p>") + said
        cited["references"] = [*cited.get("references", []), source]
        cited["authors"] = authors
    for name in LICENSES:
        files.texts[name] = add_holder(files.texts[name], listed(authors), year)
    files.head("README.md", old, title, credit)
    files.head("index.md", old, title)
    years = re.search(rf"\(c\) (.+), {re.escape(listed(authors))}\n", files.texts["LICENSE"])[1]
    config["title"], config["author"] = title, listed(authors)
    config["copyright"] = DoubleQuotedScalarString(years)
    cited["title"] = title
    if address:
        cited["repository-code"] = address
    files.put("_config.yml", config)
    files.put("CITATION.cff", cited)
    files.write()
    git("remote", *(["set-url"] if home else ["add"]), "origin", remote)
    print(git("diff", "--stat"), f"git remote: {home or 'none'} -> {remote}", sep="\n")
    if old != title:
        left = git("grep", "-nFi", "-e", old, check=False)
        print(f"These lines name the book that this was, as they should or by mistake:\n{left}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    more = "once for each: 'Family, Given', or the name of a group"
    parser.add_argument("--author", action="append", required=True, help=more)
    parser.add_argument("--title", default="", help="of the book, if it has another one")
    parser.add_argument("--remote", required=True, help="the fork's own address, for git")
    parser.add_argument("--year", type=int, default=datetime.date.today().year)
    given = parser.parse_args()
    if git("status", "--porcelain"):
        sys.exit("Commit or stash what is changed here first, so that git shows what this changes.")
    fork(given.title, [entity(name) for name in given.author], given.remote, given.year)


if __name__ == "__main__":
    main()
