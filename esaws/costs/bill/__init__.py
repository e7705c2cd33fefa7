"""Read bills of any format into one canonical table, each charge once, and add them up.

from esaws.costs.bill.read import read_bill
from esaws.costs.bill.report import report

bill = read_bill("downloads/cur/")
report(bill).total
report(bill).to_frame()
"""
