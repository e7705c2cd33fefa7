"""Any bill that can be read, written as FOCUS 1.0 or 1.2: the way out, where `esaws.costs.bill` is the way in."""
