"""Write any bill as FOCUS 1.0 or 1.2, the FinOps Open Cost and Usage Specification.

from esaws.costs.focus.write import write_focus

result = write_focus(bill, "bill.parquet", version="1.2")
result.totals, result.warnings
"""
