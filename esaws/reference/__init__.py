"""The example system of the course: SecCom."""
