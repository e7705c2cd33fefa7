"""The Resource Groups Tagging API: queries and changes of tags over all services."""
