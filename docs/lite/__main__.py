"""Build the page: `python -m docs.lite FOLDER NODE_MODULES JUPYTER`."""

import sys
from pathlib import Path

from docs.lite.build import build
from docs.lite.notebooks import SHOWS

if __name__ == "__main__":
    output, node_modules, jupyter = (Path(word).absolute() for word in sys.argv[1:4])
    packages = build(output.parent / "lite-work", output, node_modules, jupyter)
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    print(f"esaws: {sys.argv[1]} has {size / 1e6:.0f} MB and {len(packages.wheels)} packages")
    if gone := [name for name in packages.missing if name in SHOWS]:
        shown = ", ".join(f"{name} ({SHOWS[name]})" for name in gone)
        print(f"esaws: not to be had here for browsers: {shown}; Pyodide's own distribution may have them")
    if replaced := [name for name in packages.missing if name not in SHOWS]:
        print(f"esaws: replaced in part by the page's own: {', '.join(replaced)}")
    print("esaws: serve the folder, for example with: python -m http.server --directory build/lite")
