"""Write any bill as FOCUS 1.0, 1.2, 1.3 or 1.4, the FinOps Open Cost and Usage Specification.

from esaws.costs.focus.write import write_focus

result = write_focus(bill, "bill.parquet", version="1.2")
result.totals, result.warnings
"""
