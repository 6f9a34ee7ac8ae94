"""Says how many bytes a function's package has, zipped as `sam deploy` zips it.

usage: package.py DIRECTORY [DISTRIBUTION ...]

The package is what is in the directory, and the distributions with everything that they need.
"""

import io
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement


def with_dependencies(names):
    found, wanted = {}, list(names)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found[name] = distribution(name)
        requirements = map(Requirement, found[name].requires or [])
        wanted += [it.name for it in requirements if it.marker is None or it.marker.evaluate({"extra": ""})]
    return found.values()


def main(directory, *names):
    package = [(path, path.name) for path in Path(directory).iterdir() if path.is_file()]
    for found in with_dependencies(names):
        package += [(file.locate(), file) for file in found.files if ".." not in file.parts and file.suffix != ".pyc"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, name in package:
            zipped.write(path, name)
    print(len(archive.getvalue()))


main(*sys.argv[1:])
