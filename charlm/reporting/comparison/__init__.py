"""What people see of a comparison: a report, as text, table, data, picture or page."""
