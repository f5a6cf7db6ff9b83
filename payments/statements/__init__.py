"""Bank statements as files: read into lines, whole or not at all, without touching the database."""
