"""The page of `make lite`: its core under Node, and all of it in a Chromium that reaches no other host."""
