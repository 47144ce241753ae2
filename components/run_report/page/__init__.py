"""The page of a report: charts, tables and templates."""
