"""The local AWS: a server that wraps moto, and the program that starts and stops it; reached over HTTP alone."""
