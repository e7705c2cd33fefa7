"""The course in a browser tab: JupyterLite with a Pyodide kernel, and the local AWS inside the page.

`make lite` builds one static folder, which needs no other host when it is served.
"""
