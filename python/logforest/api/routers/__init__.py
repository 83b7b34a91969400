"""Routers, one a subject; include them in any FastAPI application with ``app.state.service``."""
