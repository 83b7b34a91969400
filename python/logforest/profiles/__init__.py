"""How a service is put together: one module a profile, each with ``open_service``."""
