"""Pack a release once ``make pdf`` has built the site: ``python -m tools.release [--check] [TAG]``.

``_build/release`` then has the wheels and sdists of both packages, the site as an archive that
opens from the disk, the PDF, their digests, and as notes what the changelog says of the version.
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import yaml

from living_book.printed import pdf_name

BOOK = pathlib.Path(__file__).parents[1]
PACKAGES = {"lin_utils": BOOK, "living_book": BOOK / "living_book"}
VERSIONS = {f"{name}/__init__.py": r'^__version__ = "(.+)"$' for name in PACKAGES}
VERSIONS |= {"CITATION.cff": "^version: (.+)$"}


def versions():
    """Return the version that each file names."""
    texts = {name: (BOOK / name).read_text(encoding="utf-8") for name in VERSIONS}
    return {name: re.search(VERSIONS[name], texts[name], re.MULTILINE)[1] for name in texts}


def section(changelog, version):
    """Return the date of a version and what a changelog says of it, or two empty texts.

    A release's page breaks a line wherever its source does, so each entry becomes one line.

    >>> section("# Log\\n\\n## [1.0] - 2000-01-02\\n\\n- One\\n  entry.\\n\\n## [0.9]\\n", "1.0")
    ('2000-01-02', '- One entry.\\n')
    """
    head = rf"^## \[{re.escape(version)}\] - (\S+)\n(.*?)(?=^## |\Z)"
    found = re.search(head, changelog, re.MULTILINE | re.DOTALL)
    date, text = found.groups() if found else ("", "")
    return date, re.sub(r"\n +(?!-)", " ", text.strip()) + "\n" * bool(found)


def faults(tag=""):
    """Return why what is here is no release, or not that of the tag."""
    named = versions()
    version, *others = sorted(set(named.values()))
    said = [f"the files name several versions: {named}"] if others else []
    if tag and tag != f"v{version}":
        said.append(f"the tag is {tag}, and the version {version}")
    date, text = section((BOOK / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not text.strip():
        said.append(f"CHANGELOG.md says nothing of {version}: a heading '## [{version}] - DATE'")
    elif f"date-released: {date}\n" not in (BOOK / "CITATION.cff").read_text(encoding="utf-8"):
        said.append(f"CITATION.cff needs the changelog's date of {version}, date-released: {date}")
    return said


def build(folder, target):
    """Build the sdist of a package, and its wheel from the sdist, by the hatchling that is here."""
    words = ["-m", "build", "--no-isolation", "--outdir", target, folder]
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


def archive(site, target):
    """Write a site as a zip, in one folder; the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{target.stem}/{path.relative_to(site).as_posix()}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            made.writestr(entry, path.read_bytes())


def pack(site, target):
    """Write all files of the release of a built site to an empty folder."""
    title = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))["title"]
    printed = site / pdf_name(title)
    version = versions()["CITATION.cff"]
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copyfile(printed, target / f"{printed.stem}-{version}.pdf")
    archive(site, target / f"{printed.stem}-{version}.zip")
    for folder in PACKAGES.values():
        build(folder, target)
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in target.iterdir()]
    (target / "SHA256SUMS").write_text("\n".join(sorted(sums, key=lambda line: line[64:])) + "\n")
    _, notes = section((BOOK / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    (target / "notes.md").write_text(notes, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tag", nargs="?", default="", help="the tag that names this release")
    parser.add_argument("--check", action="store_true", help="look only whether it is a release")
    given = parser.parse_args()
    if said := faults(given.tag):
        sys.exit("\n".join(said))
    if not given.check:
        pack(BOOK / "_build" / "html", BOOK / "_build" / "release")


if __name__ == "__main__":
    main()
