"""How what strangers wrote becomes HTML that is safe to show: texts in, escaped markup out. Knows no models.

Every function here is bounded in time, whatever it is given: what is too long or too odd is shown as plain text.
"""
