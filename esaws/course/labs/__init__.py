"""Break-it labs: a fault in a running system, a diagnosis, and a repair that is checked on a copy.

from esaws import course

lab = course.lab("flapping-targets", level=2)     # deploys, breaks, and shows the report
lab.diagnose("health-check-path", "…-tg: …")      # first the cause and one piece of evidence
lab.check()                                       # then the repair, which is checked on a copy
"""
