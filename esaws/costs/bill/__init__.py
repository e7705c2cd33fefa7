"""Bills that came: read in any format, told in one table, added up, and reported."""
