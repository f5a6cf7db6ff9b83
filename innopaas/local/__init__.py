"""The project on one machine: its servers, the demo and the tests, for whoever has only Python and make."""
