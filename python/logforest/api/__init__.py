"""The HTTP side: an application factory and routers by subject."""
