"""A report: what a run has learned and how, as one HTML file; and a page that shows a run while it trains."""
