"""Worker processes of the server profile: store, detect, alert, insight."""
