"""Sphinx: HTML pages that work from disk, without a network. Its documentation names the options."""

from pathlib import Path

from sphinx.application import Sphinx

project = "esaws"
author = "esaws contributors"
copyright = author
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "esaws"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["glossary_terms.js", "site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # a summary is read with fetch, which browsers refuse for files
html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))
html_domain_indices = False
html_use_index = False
html_permalinks_icon = "#"
html_sidebars = {"**": ["navbar-logo.html", "search-field.html", "sbt-sidebar-nav.html"]}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "esaws", "alt_text": "esaws, first page"},
    "home_page_in_toc": False,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "navbar_persistent": [],
    "search_bar_text": "Search",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "content_footer_items": [],
    "footer_content_items": [],
}

# Notebooks are pages of what they printed when they were executed, with `make notebooks`.
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_merge_streams = True
nb_code_prompt_show = "Show a solution and its result"
nb_code_prompt_hide = "Hide the solution"
myst_enable_extensions = ["attrs_block", "colon_fence"]
myst_heading_anchors = 5
suppress_warnings = [
    "misc.highlighting_failure",  # cells with `!aws …` are not Python
    "myst.header",  # what a notebook prints begins at a level of its own
]


def made_files(app: Sphinx, config: object) -> None:
    """Add the files that `docs.site.sources` made for this build."""
    app.config.html_static_path.append(f"{app.srcdir}/_made")


def setup(app: Sphinx) -> None:
    """Register what is above; the priority is before that of the check of static paths."""
    app.connect("config-inited", made_files, priority=100)
