"""From received bytes to committed, windowed and scored records."""
