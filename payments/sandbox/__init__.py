"""A process of its own for files of strangers: little memory, little time, no rights, no secrets, no Django."""
