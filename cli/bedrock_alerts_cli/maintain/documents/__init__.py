"""What is generated from the template and the code: the dashboard, tables and pages."""
