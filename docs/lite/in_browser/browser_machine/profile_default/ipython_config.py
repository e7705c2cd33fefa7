"""The settings of the kernel: it loads the extension that makes esaws run in a browser."""

c = get_config()  # noqa: F821 (IPython gives it)
c.InteractiveShellApp.extensions = ["browser_machine"]
