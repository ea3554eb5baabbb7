"""Archives that the page unpacks without a library: gzip of a list of files and their bytes.

The format: four bytes, little-endian, with the length of a JSON list of [path, size], the list,
and the files one after another. One stream compresses better than a zip's single files do, and
the browser's own decompression reads it; a server need not compress anything.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of files by their paths; the same files give the same bytes."""
    index = json.dumps([[path, len(files[path])] for path in sorted(files)]).encode()
    content = b"".join(files[path] for path in sorted(files))
    return gzip.compress(len(index).to_bytes(4, "little") + index + content, 9, mtime=0)


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return what `pack` packed.

    >>> unpack(pack({"a/b": b"12", "a": b""}))
    {'a': b'', 'a/b': b'12'}
    """
    content = gzip.decompress(archive)
    at = 4 + int.from_bytes(content[:4], "little")
    files = {}
    for path, size in json.loads(content[4:at]):
        files[path] = content[at : at + size]
        at += size
    return files
