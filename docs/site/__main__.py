"""Write the sources of the site into a folder: `python -m docs.site FOLDER`."""

import sys
from pathlib import Path

from docs.site.sources import write_sources

if __name__ == "__main__":
    pages = write_sources(Path(sys.argv[1]))
    print(f"esaws: {pages} pages to build")
