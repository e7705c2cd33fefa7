"""joserfc where cryptography is missing: keys are kept as they are, and sign nothing."""

from browser_machine.stand_ins.joserfc import jwk, jwt

__all__ = ["jwk", "jwt"]
