"""Figures over time: how much was said when. `tally` keeps the counts, `days` reads them as somebody's days."""
